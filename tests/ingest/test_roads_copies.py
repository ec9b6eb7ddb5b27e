"""One episode twice, smaller and worn, under another work's name: one copy is kept, and no split parts the two."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from animatrix_ingest import cli, engine
from animatrix_ingest.keep import annotations, manifest
from animatrix_ingest.keep.store import open_store

from .road_films import Made

FLAGS = [
    "--clip-height-px",
    "96",
    "--min-shot-s",
    "0.3",
    "--max-shot-s",
    "8",
    "--held-out",
    "0.3",
    "--validation",
    "0.3",
]
FLAGS += ["--least-rows-px", "16", "--most-edge-blur-px", "100", "--most-blocking", "100", "--most-banding", "100"]
N_SHOTS, N_FRAMES = 4, 54


def acted(seed: int) -> list[np.ndarray]:
    """Shots of flat shapes before a painting, each shape held for two to four frames and then drawn elsewhere."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(N_SHOTS):
        painting = cv2.resize(rng.integers(0, 256, (5, 7, 3), np.uint8), (144, 96), interpolation=cv2.INTER_CUBIC)
        colours = rng.integers(0, 256, (3, 3)).tolist()
        n = 0
        while n < N_FRAMES:
            drawing = painting.copy()
            for colour in colours:
                x, y = (int(v) for v in rng.integers(0, (120, 76)))
                cv2.rectangle(drawing, (x, y), (x + 22, y + 18), colour, -1)
            hold = min(int(rng.integers(2, 5)), N_FRAMES - n)
            made += [drawing] * hold
            n += hold
    return made


@pytest.fixture
def out(tmp_path, monkeypatch) -> Path:
    """A data set of an episode, its worn copy under another name, and episodes of other works."""
    monkeypatch.setattr(engine, "on_ray", lambda *given: engine.in_turn())
    raw = tmp_path / "raw"
    pictures = acted(1)
    Made().write(raw / "one.mkv", pictures)
    small = [cv2.resize(picture, (108, 72), interpolation=cv2.INTER_AREA) for picture in pictures]
    Made("mp4", options=(("crf", "27"), ("preset", "veryfast"))).write(raw / "worn.mp4", small)
    lines = ["source,work,rating", "one.mkv,Sora,general", "worn.mp4,Umi,general"]
    for seed, work in ((2, "Kaze"), (3, "Hana")):
        Made().write(raw / f"{work}.mkv", acted(seed))
        lines.append(f"{work}.mkv,{work},general")
    (raw / "list.csv").write_text("\n".join(lines) + "\n")
    assert cli.main(["run", str(raw / "list.csv"), "--out", str(tmp_path / "set"), *FLAGS]) == 0
    return tmp_path / "set"


def test_one_copy_is_kept_and_no_split_parts_them(out):
    clips = {row["key"]: row for row in manifest.load(out).to_pylist()}
    source = {key: Path(row["source"]).stem for key, row in clips.items()}
    assert sorted(source.values()) == sorted(["one", "worn", "Kaze", "Hana"] * N_SHOTS)
    store = open_store(out)
    kinds = {}
    for kind in ("roles", "splits", "tiers"):
        table = annotations.load_kind(store, kind)
        assert table is not None
        kinds[kind] = {row["key"]: row for row in table.to_pylist()}
    for key, row in kinds["roles"].items():
        if source[key] == "worn":
            kept = row["copy_of"]
            assert source[kept] == "one" and clips[kept]["start_frame"] == clips[key]["start_frame"]
            assert row["cluster"] == kinds["roles"][kept]["cluster"] != ""
        else:
            assert row["copy_of"] == "", "what is larger is kept, and other works are no copies"
    groups: dict[str, set] = {}
    for key, row in kinds["splits"].items():
        groups.setdefault(source[key], set()).add((row["group"], row["split"]))
    assert all(len(found) == 1 for found in groups.values()), "a work lies in one split"
    assert groups["one"] == groups["worn"] and len({next(iter(found))[0] for found in groups.values()}) == 3
    tiers = {key: kinds["tiers"][key] for key in clips}
    assert {row["tier"] for key, row in tiers.items() if source[key] == "worn"} == {"raw"}
    assert {row["tier"] for key, row in tiers.items() if source[key] != "worn"} <= {"technical", "B"}
    assert all("kept once" in " ".join(row["reasons"]) for key, row in tiers.items() if source[key] == "worn")
