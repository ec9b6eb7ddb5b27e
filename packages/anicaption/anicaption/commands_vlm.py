"""Which vision-language model is asked, and `anicaption vlm selftest`. Only argparse is imported until one runs."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any


def add_commands(commands: argparse._SubParsersAction) -> None:
    """Register the commands of this file with `anicaption`."""
    vlm = commands.add_parser("vlm", help="try a vision-language model")
    kinds = vlm.add_subparsers(dest="kind", required=True)

    test = kinds.add_parser("selftest", help="does the model see time: shots shown backwards must turn its answers")
    test.add_argument("clips", nargs="*", type=Path, metavar="CLIP", help="default: a drawn episode of large moves")
    test.set_defaults(run=_selftest)

    backend_options(test, required=True)


def backend_options(command: argparse.ArgumentParser, required: bool) -> None:
    """Which model is asked: a folder or a server."""
    where = command.add_mutually_exclusive_group(required=required)
    where.add_argument("--local", type=Path, metavar="FOLDER", help="a Qwen3-VL folder, through transformers")
    where.add_argument("--url", help="a server of the OpenAI protocol, as http://host:8000/v1")
    command.add_argument("--adapter", type=Path, default=None, help="a LoRA folder over --local")
    command.add_argument("--device", default="cpu", help="of --local (default cpu)")
    command.add_argument("--model", default=None, help="the model's name at --url")
    command.add_argument("--key-variable", default="", help="environment variable that holds the server's key")
    command.add_argument("--votes", type=int, default=0, help="for servers without logprobs: answers to count")
    command.add_argument("--unconstrained", action="store_true", help="for servers that refuse structured outputs")
    command.add_argument("--concurrency", type=int, default=8, help="requests at a time (default 8)")
    command.add_argument("--answers", type=Path, default=None, metavar="FOLDER", help="keep answers here")


def asking(options: dict[str, Any], threshold: float = 0.5) -> Any:
    """The Vlm that `backend_options` name. Raises ValueError, FileNotFoundError."""
    from anicaption.vlm.local import Local
    from anicaption.vlm.remote import Remote
    from anicaption.vlm.score import Answers, Vlm

    if options["local"] is not None:
        backend = Local(options["local"], options["adapter"], options["device"])
    elif options["model"] is None:
        raise ValueError("--url needs --model, the name under which the server has it")
    else:
        backend = Remote(
            options["url"],
            options["model"],
            key_variable=options["key_variable"],
            scoring="votes" if options["votes"] else "logprobs",
            votes=options["votes"] or 8,
            constrained=not options["unconstrained"],
            concurrency=options["concurrency"],
        )
    return Vlm(backend, Answers(options["answers"]) if options["answers"] else None, threshold)


def _selftest(clips: list[Path], **options: Any) -> int:
    import tempfile

    from anicaption.captioner import caption
    from anicaption.vlm.reversal import reversal

    try:
        asked = asking(options)
    except (ValueError, FileNotFoundError) as error:
        print(f"anicaption vlm selftest: {error}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        shots = [(clip, caption(clip), 0) for clip in clips] if clips else _drawn_shots(Path(folder))
        said = reversal(asked, shots)
    print(said.text())
    return 0 if said.passed else 1


def _drawn_shots(folder: Path) -> list[tuple[Path, Any, int]]:
    """Shots with large moves, drawn for the test."""
    from anicaption.drawn.film import draw
    from anicaption.record import Record

    shots = []
    for episode in draw(folder, episodes=1, seed=1, height_px=288, script="moves", shots=12):
        truth = json.loads(episode.truth.read_text("utf-8"))
        for shot in truth["shots"]:
            shots.append((episode.video, Record.from_json(shot["record"]), shot["start_frame"]))
    return shots
