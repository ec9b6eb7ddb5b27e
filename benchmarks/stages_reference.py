"""`python -m benchmarks.stages_reference EPISODE...`: makes decide/embed_reference.json from drawn episodes.

The mean and the spread of every built-in descriptor over three pictures of each shot.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import animatrix_ingest.decide.embed as embed
import numpy as np
from anicaption.features_builtin import VERSION, describe_picture
from anicaption.frames import frames


def main(arguments: Sequence[str]) -> None:
    """Describe, average, write."""
    rows = []
    for name in arguments:
        truth = json.loads(Path(name).with_suffix(".truth.json").read_text("utf-8"))
        wanted = {
            shot["start_frame"] + index
            for shot in truth["shots"]
            for index in embed.picked(shot["end_frame"] - shot["start_frame"])
        }
        rows += [describe_picture(frame.rgb()) for frame in frames(name) if frame.index in wanted]
    numbers = {
        key: [float(f"{np.mean(column):.4g}"), float(f"{np.std(column):.4g}")]
        for key in rows[0]
        for column in [[row[key] for row in rows]]
    }
    path = Path(embed.__file__).with_name("embed_reference.json")
    path.write_text(json.dumps({"pictures": VERSION, "numbers": numbers}, indent=0) + "\n", encoding="utf-8")
    print(f"{path.name}: {len(numbers)} descriptors of {len(rows)} pictures")


if __name__ == "__main__":
    main(sys.argv[1:])
