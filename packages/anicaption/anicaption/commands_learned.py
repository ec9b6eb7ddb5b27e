"""The commands that learn (fit, vlm, train). Only argparse is imported until one of them runs."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from anicaption import commands_tune, commands_vlm


def add_commands(commands: argparse._SubParsersAction) -> None:
    """Register the commands of this file with `anicaption`."""
    fit = commands.add_parser("fit", help="fit calibrated heads for the learned fields from folders of truth")
    fit.add_argument("--truth", nargs="+", type=Path, required=True, metavar="FOLDER", help="as `draw` writes them")
    fit.add_argument("--out", type=Path, required=True, help="folder for heads.safetensors and heads.json")
    fit.add_argument("--test", nargs="+", type=Path, default=[], metavar="FOLDER", help="score the heads on these too")
    fit.add_argument("--precision", type=float, default=0.9, help="of what is not abstained from (default .9)")
    fit.add_argument("--fields", nargs="+", default=None, metavar="FIELD", help="default: all that need learning")
    fit.add_argument("--open-clip", type=Path, default=None, metavar="PATH", help="weights, or a folder with them")
    fit.add_argument("--model", default=None, help="the open_clip model of a weights file, as ViT-B-32")
    fit.add_argument("--seed", type=int, default=0, help="which episodes choose the thresholds")
    fit.set_defaults(run=_fit)

    commands_vlm.add_commands(commands)
    commands_tune.add_commands(commands)


def _fit(
    truth: list[Path],
    out: Path,
    test: list[Path],
    precision: float,
    fields: list[str] | None,
    open_clip: Path | None,
    model: str | None,
    seed: int,
) -> int:
    from anicaption import evaluate, heads, heads_fit
    from anicaption.features import Features, OpenClip

    try:
        features = Features(OpenClip(open_clip, model) if open_clip else None)
        found = [heads_fit.truths(folder) for folder in (*truth, *test)]
    except (ValueError, FileNotFoundError) as error:
        print(f"anicaption fit: {error}", file=sys.stderr)
        return 2
    print(f"{sum(map(len, found))} episodes of truth", file=sys.stderr)
    seen = list(heads_fit.examples(truth, features))
    try:
        fitted = heads_fit.fit(seen, features, precision, fields, seed)
    except ValueError as error:  # TaxonomyError too
        print(f"anicaption fit: {error}", file=sys.stderr)
        return 2
    fitted.save(out)
    print(heads.table(fitted.heads))
    print(f"{len(fitted.heads)} heads: {out}", file=sys.stderr)
    if test:
        tested = list(heads_fit.examples(test, features))
        print(f"\non {len(tested)} other shots:")
        print(evaluate.table(evaluate.compare(heads_fit.predicted(fitted, tested), fitted.fields)))
    return 0
