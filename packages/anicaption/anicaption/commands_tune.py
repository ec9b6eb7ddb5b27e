"""The command that tunes a vision-language model on human corrections. Only argparse is imported until it runs."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def add_commands(commands: argparse._SubParsersAction) -> None:
    """Register `train` with `anicaption`; training of the video model is `animatrix-train`."""
    train = commands.add_parser("train", help="tune a vision-language model on corrected records (not the video model)")
    train.add_argument("kind", choices=["sft", "dpo"], help="dpo: corrected against said, on motion and VFX fields")
    train.add_argument("--model", type=Path, required=True, metavar="FOLDER", help="a Qwen3-VL folder")
    train.add_argument(
        "--records", type=Path, required=True, metavar="JSONL", help="lines of {video, record, corrected}"
    )
    train.add_argument("--out", type=Path, required=True, help="folder for the adapter, or for the whole model")
    size = train.add_mutually_exclusive_group()
    size.add_argument("--lora", type=int, default=16, metavar="RANK", dest="lora_rank", help="(default 16)")
    size.add_argument("--full", action="store_const", const=None, dest="lora_rank", help="tune every weight")
    train.add_argument("--fields", nargs="+", default=None, metavar="FIELD")
    train.add_argument("--learning-rate", type=float, default=None)
    train.add_argument("--epochs", type=float, default=1.0)
    train.add_argument("--steps", type=int, default=-1, help="at most so many (default: all of the epochs)")
    train.add_argument("--batch", type=int, default=1)
    train.add_argument("--accumulate", type=int, default=8, help="batches a step (default 8)")
    train.add_argument("--device", default="cpu")
    train.add_argument("--seed", type=int, default=0)
    train.set_defaults(run=_train)


def _train(model: Path, records: Path, out: Path, fields: list[str] | None, **options) -> int:
    from anicaption.vlm.lessons import read_corrections
    from anicaption.vlm.local import Local
    from anicaption.vlm.tune import Tuning, tune

    try:
        tuning = Tuning(fields=tuple(fields) if fields else None, **options)
        said = tune(Local(model), read_corrections(records), out, tuning)
    except (ValueError, FileNotFoundError) as error:
        print(f"anicaption train: {error}", file=sys.stderr)
        return 2
    first, last = (f"{loss:.3f}" for loss in (said.losses[0], said.losses[-1]))
    done = f"{said.lessons} lessons of {said.shots} shots, {len(said.losses)} steps"
    print(f"{done}, loss {first} to {last}: {said.folder}")
    return 0
