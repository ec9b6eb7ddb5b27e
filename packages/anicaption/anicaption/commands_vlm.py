"""The commands that ask a vision-language model: vlm label, vlm selftest. Only argparse is imported until one runs."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any


def add_commands(commands: argparse._SubParsersAction) -> None:
    """Register the commands of this file with `anicaption`."""
    vlm = commands.add_parser("vlm", help="ask a vision-language model what is not measured")
    kinds = vlm.add_subparsers(dest="kind", required=True)

    label = kinds.add_parser("label", help="score the closed fields that are not measured, and write the prose")
    label.add_argument("clips", nargs="+", type=Path, metavar="CLIP", help="each taken as one shot")
    label.add_argument("--out", type=Path, required=True, help="one JSON object a line; a failure is a line too")
    label.add_argument("--fields", nargs="+", default=None, metavar="FIELD", help="default: all that are not measured")
    label.add_argument("--threshold", type=float, default=0.5, help="less sure answers are unknown (default .5)")
    label.add_argument("--no-prose", action="store_false", dest="prose", help="closed fields only")
    label.set_defaults(run=_label)

    test = kinds.add_parser("selftest", help="does the model see time: shots shown backwards must turn its answers")
    test.add_argument("clips", nargs="*", type=Path, metavar="CLIP", help="default: a drawn episode of large moves")
    test.set_defaults(run=_selftest)

    for command in (label, test):
        where = command.add_mutually_exclusive_group(required=True)
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


def _asking(options: dict[str, Any], threshold: float = 0.5) -> Any:
    """The Vlm that the options name."""
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


def _label(
    clips: list[Path], out: Path, fields: list[str] | None, threshold: float, prose: bool, **options: Any
) -> int:
    from anicaption.frames import VideoError

    try:
        asking = _asking(options, threshold)
    except (ValueError, FileNotFoundError) as error:
        print(f"anicaption vlm label: {error}", file=sys.stderr)
        return 2
    failed = 0
    out.parent.mkdir(parents=True, exist_ok=True)
    unfinished = out.with_name(out.name + ".part")
    with open(unfinished, "w", encoding="utf-8") as lines:
        for clip in clips:
            try:
                row = _labelled(asking, clip, fields, prose)
            except VideoError as error:
                row = {"clip": str(clip), "failed": str(error)}
            failed += "failed" in row
            if "failed" in row:
                print(f"anicaption vlm label: {clip}: {row['failed']}", file=sys.stderr)
            lines.write(json.dumps(row, ensure_ascii=False) + "\n")
    unfinished.replace(out)
    print(f"{len(clips) - failed} of {len(clips)} clips labelled whole: {out}", file=sys.stderr)
    return 1 if failed else 0


def _labelled(asking: Any, clip: Path, fields: list[str] | None, prose: bool) -> dict[str, Any]:
    """The row of one clip: what was measured with what the model adds. What broke for single fields is in `failed`."""
    from anicaption.captioner import caption
    from anicaption.record import Record
    from anicaption.vlm.prompt import askable
    from anicaption.vlm.score import VlmError
    from anicaption.vlm.view import shot_view

    measured = caption(clip)
    assert measured.tracks is not None
    view = shot_view(clip, measured)
    asked = fields or [name for name in askable() if not measured[name].known]
    said = asking.score(view, asked)
    broken = [f"{v.field} {v.abstained}" for v in said.values() if v.abstained and v.abstained.startswith("failed: ")]
    variables = measured.variables() | said
    record, narrative = Record.build(measured.tracks, variables), None
    if prose:
        try:
            narrative = asking.narrate(view, record)
        except VlmError as error:
            broken.append(f"narrative failed: {error}")
    record = Record.build(measured.tracks, variables, narrative)
    row = {"clip": str(clip), "model": asking.backend.identity, "record": record.to_json()}
    return row | {"failed": f"{len(broken)}: {broken[0]}"} if broken else row


def _selftest(clips: list[Path], **options: Any) -> int:
    import tempfile

    from anicaption.captioner import caption
    from anicaption.vlm.reversal import reversal

    try:
        asking = _asking(options)
    except (ValueError, FileNotFoundError) as error:
        print(f"anicaption vlm selftest: {error}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        shots = [(clip, caption(clip), 0) for clip in clips] if clips else _drawn_shots(Path(folder))
        said = reversal(asking, shots)
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
