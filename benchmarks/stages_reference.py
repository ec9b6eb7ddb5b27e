"""`python -m benchmarks.stages_reference EPISODE...`: makes watch/appearance_reference.json from drawn episodes.

The mean and the spread of every built-in number, of each shot the mean over its looks. Both hands belong in it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import animatrix_ingest.watch.appearance as appearance
import numpy as np
from anicaption.frames import frames
from animatrix_ingest.watch.looks import looked_at


def main(arguments: Sequence[str]) -> None:
    """Look, average, write."""
    shots = []
    names: list[str] = []
    for name in arguments:
        truth = json.loads(Path(name).with_suffix(".truth.json").read_text("utf-8"))
        starts = [shot["start_frame"] for shot in truth["shots"]]
        looks: list[list[list[float]]] = [[] for _ in starts]
        for frame in frames(name):
            if looked_at(frame.index):
                said = appearance.numbers(frame.rgb(appearance.ROWS_PX))
                names = list(said)
                looks[int(np.searchsorted(starts, frame.index, "right")) - 1].append(list(said.values()))
        shots += [np.mean(rows, axis=0) for rows in looks if rows]
    mean, spread = np.mean(shots, axis=0), np.maximum(1e-4, np.std(shots, axis=0))
    numbers = {name: [float(f"{m:.4g}"), float(f"{s:.4g}")] for name, m, s in zip(names, mean, spread, strict=True)}
    path = Path(appearance.__file__).with_name("appearance_reference.json")
    path.write_text(json.dumps({"maker": appearance.MAKER, "numbers": numbers}, indent=0) + "\n", encoding="utf-8")
    print(f"{path.name}: {len(numbers)} numbers of {len(shots)} shots")


if __name__ == "__main__":
    main(sys.argv[1:])
