"""`make bench-captions`: measured variables of drawn shots against their scripts, per field.

An episode of each of four seeds that no threshold was set on, at 360 rows; each true shot is captioned from its part of
the tracks, so that the figures speak of the estimators and not of the cutting. The rival is the commonest true value,
always said. A field is asked where its script decides it; right is exactly right (both values of a pair).
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter

import tyro
from anicaption.captioner import record_of, watch
from anicaption.drawn.film import draw
from anicaption.evaluate import FieldScore, compare, table
from anicaption.measure import READERS, read
from anicaption.record import Record

from benchmarks.figures import Figure, publish


def main(seeds: tuple[int, ...] = (9001, 9002, 9003, 9004), height_px: int = 360) -> None:
    """Draw, watch, compare, publish."""
    pairs: list[tuple[Record, Record]] = []
    with tempfile.TemporaryDirectory() as folder:
        for drawn in [one for seed in seeds for one in draw(folder, 1, seed, height_px)]:
            tracks = watch(drawn.video)
            for shot in json.loads(drawn.truth.read_text("utf-8"))["shots"]:
                said = record_of(tracks.window(shot["start_frame"], shot["end_frame"]))
                pairs.append((said, Record.from_json(shot["record"])))
    measured = [name for name in compare(pairs) if name in read(_tracks(pairs[0][0]))]
    scores = compare(pairs, measured)
    print(f"{len(pairs)} shots, {len(READERS)} estimators\n{table(scores)}")
    publish("captions", "make bench-captions", [_figure(score) for score in scores.values()])


def _tracks(record: Record):
    assert record.tracks is not None, "a record that was captioned just now has its tracks"
    return record.tracks


def _figure(score: FieldScore) -> Figure:
    """Share of the asked that was said right (an abstention is not right), beside always saying the commonest."""
    truths: Counter[tuple[str, ...]] = Counter()
    for (truth, _), n in score.confusion.items():
        truths[truth] += n
    commonest = max(truths.values()) / score.asked
    share = score.right / score.asked
    what = f"{score.field_id}: right of {score.asked} asked ({score.abstained} abstained)"
    return Figure(what, share, {"always the commonest value": commonest}, "above it", share > commonest)


if __name__ == "__main__":
    tyro.cli(main)
