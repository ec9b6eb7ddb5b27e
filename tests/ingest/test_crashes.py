import json
import subprocess
import sys
from pathlib import Path


def test_a_run_killed_before_any_write_ends_with_the_same_data_set(film, tmp_path):
    film("a.mkv", [12, 14], height_px=32, width_px=48)
    film("b.mkv", [13], seed=1, height_px=32, width_px=48)
    (tmp_path / "sources" / "broken.mp4").write_text("not a film")
    command = [sys.executable, str(Path(__file__).with_name("crashes.py")), str(tmp_path), str(tmp_path / "sources")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    points = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(points) > 15, "names, units, sides, plan, shard, manifest and lists are each renamed into place"
    assert all(point["killed"] for point in points), points
    assert [point["point"] for point in points if not point["same"]] == []
