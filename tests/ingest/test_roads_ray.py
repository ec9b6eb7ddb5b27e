"""The command on a Ray that is really there: films of three containers, the same data set as without it."""

from fractions import Fraction

import pytest
from animatrix_ingest import cli, engine
from animatrix_ingest.keep import manifest

from .road_films import NTSC, Made, painted

pytestmark = pytest.mark.ray
FLAGS = ["--clip-height-px", "48", "--min-shot-s", "0.2", "--max-shot-s", "2", "--rating", "general"]


def test_the_command_on_ray_makes_what_it_makes_in_turn(ray_address, tmp_path, monkeypatch):
    raw = tmp_path / "raw"
    Made().write(raw / "a.mkv", painted((20, 22), 96, 64, 1))
    Made("mpegts", "mpeg2video", rate=NTSC, matrix="bt601", tags=None, options=()).write(
        raw / "b.ts", painted((24,), 96, 64, 2)
    )
    Made("mp4", rate=Fraction(25), b_frames=2).write(raw / "c.mp4", painted((18, 20), 96, 64, 3))
    command = ["run", str(raw), *FLAGS, "--out"]
    assert cli.main([*command, str(tmp_path / "ray"), "--address", ray_address]) == 0
    with monkeypatch.context() as patch:
        patch.setattr(engine, "on_ray", lambda *given: engine.in_turn())
        assert cli.main([*command, str(tmp_path / "here")]) == 0
    one, two = (manifest.load(tmp_path / name) for name in ("ray", "here"))
    differ = [name for name in one.column_names if one[name].to_pylist() != two[name].to_pylist()]
    assert differ == []
    assert manifest.dataset_hash(tmp_path / "ray") == manifest.dataset_hash(tmp_path / "here")
    assert manifest.load(tmp_path / "ray").num_rows == 5
    names = ("report.html", "datacard.md", "datacard.html")
    assert all((tmp_path / "ray" / name).exists() for name in names)
    assert cli.main(["verify", str(tmp_path / "ray")]) == 0
