import json
import subprocess
import sys
from pathlib import Path


def test_a_run_killed_at_any_write_ends_with_the_same_data_set(film, tmp_path):
    """Every twelfth fail point here; `make test-faults` has them all."""
    film("a.mkv", [8, 9], height_px=32, width_px=48)
    (tmp_path / "sources" / "broken.mp4").write_text("not a film")
    script = str(Path(__file__).with_name("crashes.py"))
    command = [sys.executable, script, str(tmp_path), str(tmp_path / "sources"), "12"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    points = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(points) > 7, "names, units, sides, plan, shard, part, tables, generations: each has points"
    assert all(point["killed"] for point in points), points
    assert [point for point in points if not point["same"] or point["left"]] == []
