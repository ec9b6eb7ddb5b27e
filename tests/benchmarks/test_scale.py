import json
from pathlib import Path

from benchmarks import scale


def test_a_small_one_runs_through_and_counts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(Path(scale.__file__).parents[1]))
    scale.main(700, tmp_path / "set", seed=1)
    figures = {row["what"]: row["value"] for row in json.loads(Path("build/bench/scale.json").read_text())["figures"]}
    assert figures["clips"] == 700
    assert figures["shards of 256 MiB"] == len(list((tmp_path / "set" / "parts").iterdir())) >= 2
    assert 100 < figures["bytes of tables per clip"] < 2000
