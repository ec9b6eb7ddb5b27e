"""The page people look at after a run: DIR/report.html."""

from __future__ import annotations

import html
from pathlib import Path

from animatrix_ingest.keep import manifest


def write(dataset: Path, shots: int = 240) -> Path:
    """Write DIR/report.html: for now the list of clips."""
    rows = manifest.load(dataset).select(["source", "start_frame", "end_frame"]).to_pylist()[:shots]
    lines = "".join(f"<li>{html.escape(r['source'])} {r['start_frame']}-{r['end_frame']}</li>" for r in rows)
    place = dataset / "report.html"
    place.write_text(f"<!doctype html><meta charset=utf-8><ul>{lines}</ul>")
    return place
