"""What is asked of a sampler, one request a clip: from the command line, or a line of JSONL."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anicaption.taxonomy import Field, TaxonomyError, taxonomy

from animatrix_trainer.config import RecipeError, Window

if TYPE_CHECKING:
    from animatrix_trainer.conditioning.guidance import Wish


class RequestError(ValueError):
    """A request that cannot be read or drawn; the message says where it stands and what would do."""


@dataclass(frozen=True)
class Request:
    """One clip. Sizes of 0 are those of the checkpoint.

    `keys` are pictures by frame, as in {0: first.png, 16: last.png}; `image` is the one of frame 0 and `last` the one
    of the last frame.
    """

    tags: str = ""
    """field=value pairs, as in "camera.move=pan_left,motion.timing=twos"; value@0.2-0.35 says when in the clip."""
    text: str = ""
    not_tags: str = ""
    """Tags to go away from, written likewise."""
    not_text: str = ""
    """Text to go away from."""
    fields: str = ""
    """Scales of single fields on top of the guidance, as in "camera.move=1.5,vfx.lines=3"."""
    seed: int = 0
    image: Path | None = None
    """A first frame, PNG or JPEG."""
    last: Path | None = None
    """A last frame."""
    keys: dict[int, Path] = field(default_factory=dict)
    """Pictures of other frames, by number, to draw between."""
    frames: int = 0
    height_px: int = 0
    width_px: int = 0

    def wish(self) -> Wish:
        """The tags and words, checked. Raises TaxonomyError with a suggestion, RequestError for a wrong scale."""
        from animatrix_trainer.conditioning.dropout import Condition  # with torch: --help does not need it
        from animatrix_trainer.conditioning.guidance import Wish
        from animatrix_trainer.conditioning.tags import parse_spans

        known = taxonomy()
        plain, spans = parse_spans(self.tags)
        tags = known.parse_tags(plain)
        asked = Condition(tags, self.text, spans)
        return Wish(asked, self.not_text, known.parse_tags(self.not_tags), scales(self.fields, tags))

    def window(self, own: Window) -> Window:
        """The size of the clip, `own` being the checkpoint's."""
        try:
            return Window(self.frames or own.frames, self.height_px or own.height_px, self.width_px or own.width_px)
        except RecipeError as error:
            raise RequestError(f"frames: {error}") from error

    def pictures(self, n_frames: int) -> dict[int, Path]:
        """The given pictures by frame of a clip of so many frames."""
        given = dict(self.keys)
        for name, number, path in (("image", 0, self.image), ("last", n_frames - 1, self.last)):
            if path is not None and number in given:
                raise RequestError(f"{name}: frame {number} is given twice, as {path} and as {given[number]}")
            if path is not None:
                given[number] = path
        if wrong := [number for number in given if not 0 <= number < n_frames]:
            raise RequestError(f"keys: frame {wrong[0]} lies outside the clip, which has frames 0 to {n_frames - 1}")
        return dict(sorted(given.items()))

    def to_json(self) -> str:
        """What is asked, without what is not said; pictures by their file names alone."""
        said: dict[str, Any] = {}
        for item in dataclasses.fields(self):
            value = getattr(self, item.name)
            if item.name == "keys":
                value = {str(number): path.name for number, path in value.items()}
            elif isinstance(value, Path):
                value = value.name
            if value not in ("", None, {}) and (item.name == "seed" or value != 0):
                said[item.name] = value
        return json.dumps(said, ensure_ascii=False)


def scales(text: str, tags: Any) -> dict[str, float]:
    """Scales by field from "camera.move=1.5,vfx.lines=3"; each must have a tag."""
    found: dict[str, float] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, _, number = part.partition("=")
        known: Field = taxonomy()[name.strip()]
        try:
            found[known.id] = float(number)
        except ValueError:
            raise RequestError(f"fields: '{part}' is no scale; write field=number, as in camera.move=1.5") from None
        if known.id not in tags:
            raise RequestError(f"fields: {known.id} has a scale but no tag; ask for {known.id}=... too")
    return found


def several(asked: Mapping[str, Request], n_seeds: int) -> dict[str, Request]:
    """Each request from its seed and the ones after it, as candidates of one prompt, named NAME/seed-0001."""
    return {
        f"{name}/seed-{seed:04d}": dataclasses.replace(request, seed=seed)
        for name, request in asked.items()
        for seed in range(request.seed, request.seed + n_seeds)
    }


def read_requests(path: Path) -> Iterator[tuple[str, Request]]:
    """(name, request) of every line of a JSONL file; the name is the line's `name`, or its number.

    All lines are read and checked before the first is given. Raises RequestError with file, line and remedy.
    """
    names = {item.name for item in dataclasses.fields(Request)}
    found: dict[str, Request] = {}
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if not line.strip():
            continue
        place = f"{path}, line {number}"
        try:
            said = json.loads(line)
        except json.JSONDecodeError as error:
            raise RequestError(f"{place}: is no JSON ({error.msg} at column {error.colno})") from None
        if not isinstance(said, dict) or (strange := set(said) - names - {"name"}):
            what = f"has {sorted(strange)}" if isinstance(said, dict) else "is no object"
            raise RequestError(f"{place}: {what}; a request may have {sorted(names | {'name'})}")
        name = str(said.pop("name", f"{number:04d}"))
        if name in found or Path(name).name != name or name.startswith("."):
            raise RequestError(f"{place}: name '{name}' is taken or no plain file name; give each request its own")
        found[name] = _request(said, place, path.parent)
    if not found:
        raise RequestError(f"{path}: has no request; write one JSON object a line")
    return iter(found.items())


def _request(said: dict[str, Any], place: str, folder: Path) -> Request:
    kinds = {"seed": int, "frames": int, "height_px": int, "width_px": int, "keys": dict}
    for name, value in said.items():
        wanted = kinds.get(name, str)
        if not isinstance(value, wanted) or isinstance(value, bool):
            raise RequestError(f"{place}: {name}={value!r} should be of type {wanted.__name__}")
    for name in ("image", "last"):
        if name in said:
            said[name] = folder / said[name]
    if "keys" in said:
        if wrong := [number for number in said["keys"] if not str(number).isdigit()]:
            raise RequestError(f"{place}: keys: '{wrong[0]}' is no frame number")
        said["keys"] = {int(number): folder / str(name) for number, name in said["keys"].items()}
    request = Request(**said)
    try:
        scales(request.fields, taxonomy().parse_tags(request.tags))
        taxonomy().parse_tags(request.not_tags)
    except (TaxonomyError, RequestError) as error:
        raise RequestError(f"{place}: {error}") from error
    return request
