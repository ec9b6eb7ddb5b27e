"""The `animatrix-train` command. torch is imported inside the command that runs, so --help answers at once."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro
from anicaption.taxonomy import TaxonomyError, taxonomy
from animatrix_ingest.keep.store import StoreError

from animatrix_trainer.commands_encode import Encode
from animatrix_trainer.commands_forecast import Forecast
from animatrix_trainer.commands_plan import Plan
from animatrix_trainer.config import CheckpointError, Data, DataError, Guidance, LossError, Recipe, RecipeError
from animatrix_trainer.recipes import RECIPES
from animatrix_trainer.requests import Request, RequestError, read_requests, several

USAGE = """usage: animatrix-train fit RECIPE --shards DIR --out DIR [--resume] [--init CHECKPOINT] [--data.tier B]
                           [--data.video N --data.labels M] [--KEY VALUE ...]
       animatrix-train plan RECIPE --shards DIR [--out page.html] [--data.video N --data.labels M] [--KEY VALUE ...]
       animatrix-train encode RECIPE --shards DIR --cache CACHE [--dry-run] [--KEY VALUE ...]
       animatrix-train forecast RECIPE [--processes N] [--memory-gib G] [--encoded] [--KEY VALUE ...]
       animatrix-train sample CHECKPOINT --tags "camera.move=pan_left" --text "..." --seed 1 --out clip.mp4
                              [--image first.png --last last.png --keys 8 middle.png] [--sheet] [--png]
       animatrix-train sample CHECKPOINT --requests requests.jsonl --out FOLDER
       animatrix-train obey CHECKPOINT --shards DIR [--data.video N --data.labels M] [--out table.json]
       animatrix-train export CHECKPOINT --out DIR

fit     train a recipe on a data set of animatrix-ingest: a folder or s3://BUCKET/PREFIX
plan    show what a recipe will draw of a data set and when, before any compute is spent
encode  make the latents and text embeddings that a recipe will need, for fit --cache CACHE
forecast  say what a recipe will want of memory, and what would fit where it does not
sample  draw clips from a checkpoint: one, several seeds of one, or a file of requests
obey    ask a checkpoint for each camera move from unseen first frames and read its clips back
export  copy a checkpoint without what only going on needs

recipes:
"""


@dataclass(frozen=True)
class Fit:
    """Train a recipe; any of its settings can be given, as in --stages.0.lr 1e-4."""

    shards: str
    """Data set that animatrix-ingest wrote: a folder, or s3://BUCKET/PREFIX."""
    out: Path
    """Folder for checkpoints, metrics.jsonl and TensorBoard events."""
    recipe: Annotated[Recipe, tyro.conf.arg(name="")]
    data: Data = field(default_factory=Data)
    resume: bool = False
    """Go on from the newest checkpoint in --out, on the generations it was trained on."""
    other_data: bool = False
    """Let a resumed run go on with other generations, another tier or another data set than before."""
    pairs: Path | None = None
    """What `animatrix-reward pairs` wrote, for stages of preference; without it, a run ends where they begin."""
    other_recipe: bool = False
    """Let a resumed run go on under other settings than before; how they differ is shown."""
    init: Path | None = None
    """Start from the weights of another checkpoint."""
    cache: str | None = None
    """What `animatrix-train encode` made: a folder, or s3://BUCKET/PREFIX."""
    cache_only: bool = False
    """Refuse what --cache lacks, and keep codec and text encoder off the device; without it, what is missing is encoded
    when it is met and counted as `missed` in metrics.jsonl."""
    memory_gib: float | None = None
    """Reckon with devices of this size and not with the one at hand; 0: no forecast of memory."""


@dataclass(frozen=True)
class Scales:
    """What differs from the guidance of the checkpoint's recipe."""

    guidance_text: float | None = None
    """How strongly the text is followed."""
    guidance_tag: float | None = None
    """How strongly the tags are followed on top of it."""
    guidance_steps: int | None = None
    """Steps of the solver."""
    guidance_solver: Literal["euler", "unipc"] | None = None
    guidance_shift: float | None = None
    """More than 1: more steps where there is much noise, for large pictures."""

    def over(self, guidance: Guidance) -> Guidance:
        given = {item.name: getattr(self, f"guidance_{item.name}", None) for item in fields(guidance)}
        return replace(guidance, **{name: value for name, value in given.items() if value is not None})


@dataclass(frozen=True)
class Sample:
    """Draw clips from a checkpoint. Each mp4 says in its comment how it was asked for."""

    checkpoint: tyro.conf.Positional[Path]
    out: Path
    """The mp4 to write. A folder where there are --requests or several --seeds; it gets clips.jsonl too, the list that
    `animatrix-reward` scores and shows to people."""
    request: Annotated[Request, tyro.conf.arg(name="")] = field(default_factory=Request)
    seeds: int = 1
    """How many clips of each request, from its seed on: candidates of one prompt."""
    requests: Path | None = None
    """A JSONL file with a request a line, in place of the one above: {"name": ..., "tags": ..., "seed": ...}."""
    sheet: bool = False
    """Write an exposure sheet (XDTS) beside each clip."""
    png: bool = False
    """Write the pictures of each clip too."""
    batch: int = 4
    """Clips of one size drawn together."""
    rating: Literal["general", "sensitive", "explicit", "unknown"] = "unknown"
    """Whom the clips are for, as stated in clips.jsonl; people are shown none that is unknown or explicit."""
    guidance: Annotated[Scales, tyro.conf.arg(name="")] = Scales()


@dataclass(frozen=True)
class Obey:
    """Ask a checkpoint for each camera move from unseen first frames and read its clips back."""

    checkpoint: tyro.conf.Positional[Path]
    shards: str
    """Data set whose clips give the first frames: those held out, or all of a set that the checkpoint has not seen."""
    data: Data = field(default_factory=Data)
    clips: int = 8
    """First frames a move."""
    seed: int = 0
    out: Path | None = None
    """Write the table as JSON too."""


@dataclass(frozen=True)
class Export:
    """Copy a checkpoint without optimiser and raw weights, as it is shipped."""

    checkpoint: tyro.conf.Positional[Path]
    out: Path
    guidance: Annotated[Scales, tyro.conf.arg(name="")] = Scales()
    """What the copy samples with when nothing else is said."""
    merge: bool = False
    """Add low-rank adapters to the weights that they sit on."""


def main(argv: list[str] | None = None) -> int:
    command, *rest = (sys.argv[1:] if argv is None else argv) or ["--help"]
    if command in ("-h", "--help"):
        print(USAGE + "\n".join(f"  {name:16}{_first_sentence(recipe)}" for name, recipe in RECIPES.items()))
        return 0
    commands = {
        "fit": _fit,
        "plan": _plan,
        "encode": _encode,
        "forecast": _forecast,
        "sample": _sample,
        "obey": _obey,
        "export": _export,
    }
    if command not in commands:
        print(f"animatrix-train: '{command}' is no command; choose one of {', '.join(commands)}", file=sys.stderr)
        return 2
    try:
        return commands[command](f"animatrix-train {command}", rest)
    except (TaxonomyError, RecipeError, DataError, CheckpointError, LossError, RequestError, StoreError) as error:
        print(f"animatrix-train {command}: {error}", file=sys.stderr)
        return 2


def _of_recipe(prog: str, argv: list[str]) -> tuple[str, list[str], str]:
    """The recipe that is named first, the rest, and what the command is called."""
    name = argv[0] if argv and not argv[0].startswith("-") else "--help"
    if name == "--help":
        name, argv = "smoke", ["smoke", "--help"]
        prog = f"{prog} RECIPE  # values shown are those of"
    if name not in RECIPES:
        raise RecipeError(f"'{name}' is no recipe; choose one of {', '.join(RECIPES)}")
    return name, argv[1:], f"{prog} {name}"


def _plan(prog: str, argv: list[str]) -> int:
    name, rest, prog = _of_recipe(prog, argv)
    missing: Any = tyro.MISSING
    return tyro.cli(Plan, args=rest, default=Plan(shards=missing, recipe=RECIPES[name]()), prog=prog)()


def _encode(prog: str, argv: list[str]) -> int:
    name, rest, prog = _of_recipe(prog, argv)
    missing: Any = tyro.MISSING
    default = Encode(shards=missing, cache=missing, recipe=RECIPES[name]())
    run = tyro.cli(Encode, args=rest, default=default, prog=prog)
    _quiet()
    return run()


def _forecast(prog: str, argv: list[str]) -> int:
    name, rest, prog = _of_recipe(prog, argv)
    return tyro.cli(Forecast, args=rest, default=Forecast(recipe=RECIPES[name]()), prog=prog)()


def _fit(prog: str, argv: list[str]) -> int:
    name, rest, prog = _of_recipe(prog, argv)
    missing: Any = tyro.MISSING
    run = tyro.cli(Fit, args=rest, default=Fit(shards=missing, out=missing, recipe=RECIPES[name]()), prog=prog)
    from animatrix_trainer.loop import fit

    _quiet()
    consents = run.other_data, run.other_recipe
    more = run.memory_gib, run.pairs, run.cache, run.cache_only
    print(fit(run.recipe, run.shards, run.out, run.resume, run.init, run.data, *consents, *more))
    return 0


def _sample(prog: str, argv: list[str]) -> int:
    run = tyro.cli(Sample, args=argv, prog=prog)
    if run.requests and run.request != Request():
        raise RequestError("--requests is given and so is a request; put it into the file as a line of its own")
    asked = dict(read_requests(run.requests)) if run.requests else {run.out.stem: run.request}
    taxonomy().parse_tags(run.request.tags)  # a wrong tag is answered before torch is imported
    from animatrix_trainer.sample_files import sample_to_files

    _quiet()
    if run.seeds > 1:
        asked = several(asked, run.seeds)
    folder = run.out if run.requests or run.seeds > 1 else None
    clips = {folder / f"{name}.mp4" if folder else run.out: request for name, request in asked.items()}
    drawn = sample_to_files(run.checkpoint, clips, run.guidance.over, run.batch, run.sheet, run.png, folder, run.rating)
    for clip, flashes in drawn:
        if flashes:
            print(f"{clip}: flashes as may harm photosensitive viewers (content.flashing)", file=sys.stderr)
        print(clip, flush=True)
    return 0


def _obey(prog: str, argv: list[str]) -> int:
    run = tyro.cli(Obey, args=argv, prog=prog)
    from animatrix_trainer.obedience import measure_checkpoint

    _quiet()
    table, words = measure_checkpoint(run.checkpoint, run.shards, run.clips, run.seed, run.data)
    print(f"{words}\n{table.text()}")
    if run.out:
        table.write(run.out)
    return 0


def _export(prog: str, argv: list[str]) -> int:
    run = tyro.cli(Export, args=argv, prog=prog)
    from animatrix_trainer.checkpoint import export, load
    from animatrix_trainer.model.lora import merge

    _quiet()
    system = load(run.checkpoint)
    if run.merge:
        for model in system.models:
            merge(model)
    system.recipe = replace(system.recipe, guidance=run.guidance.over(system.recipe.guidance))
    export(system, run.out)
    print(run.out)
    return 0


def _quiet() -> None:
    """transformers draws a progress bar for every folder of a few megabytes."""
    from transformers.utils import logging

    logging.disable_progress_bar()


def _first_sentence(recipe) -> str:
    return " ".join((recipe.__doc__ or "").split()).partition(". ")[0]


if __name__ == "__main__":
    raise SystemExit(main())
