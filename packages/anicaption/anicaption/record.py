"""What is known of a shot, and how it is known. The models are generated from the taxonomy.

A record holds one `Variable` per field: values, a probability per value, the source, the evidence, and why the
estimator abstained where it did. It also holds the tracks that the measured values were decided from, so it can be
asked for any part of its shot: `record.window(start, end, crop)`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from fractions import Fraction
from functools import cache
from typing import Any, Literal, cast

from pydantic import BaseModel, ConfigDict, create_model, field_validator, model_validator

from anicaption import rules
from anicaption.releases import migrated
from anicaption.taxonomy import NOT_APPLICABLE, UNKNOWN, Field, taxonomy
from anicaption.tracks import Crop, Tracks

Source = Literal["measured", "drawn", "learned", "vlm", "expert", "none"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Evidence(_Frozen):
    """What an estimator looked at: frames [start, end) and the numbers it decided from."""

    estimator: str
    version: str
    start: int
    end: int
    numbers: dict[str, float] = {}

    @field_validator("numbers")
    @classmethod
    def _told_to_five_digits(cls, numbers: dict[str, float]) -> dict[str, float]:
        """Sums of floats differ in their ninth digit with where an array happens to lie in memory."""
        return {name: float(f"{value:.5g}") for name, value in numbers.items()}


class Span(_Frozen):
    """`value` holds in the frames [start, end) of the shot."""

    value: str
    start: int
    end: int


class Opinion(_Frozen):
    """What another source says of a field, against what the record holds."""

    source: Source
    values: tuple[str, ...]
    probability: dict[str, float] = {}


class Variable(_Frozen):
    """One field of a record. `abstained` says why a measurement was tried and gave no value."""

    field: str
    values: tuple[str, ...]
    probability: dict[str, float] = {}
    source: Source
    evidence: tuple[Evidence, ...] = ()
    spans: tuple[Span, ...] = ()
    abstained: str | None = None
    disputed: tuple[Opinion, ...] = ()

    @property
    def known(self) -> bool:
        return self.values != (UNKNOWN,)


@cache
def variable_model(field_id: str) -> type[Variable]:
    """The model of one field: its `values` accept only what the taxonomy allows."""
    field = taxonomy()[field_id]

    def check(cls, values: Any) -> tuple[str, ...]:
        return field.check(values)

    literal: Any = Literal[(*field.value_ids, UNKNOWN, NOT_APPLICABLE)]
    parts: Any = {"field": (Literal[field_id], field_id), "values": (tuple[literal, ...], ...)}
    return create_model(
        "".join(part.title() for part in field_id.replace(".", "_").split("_")),
        __base__=Variable,
        __doc__=f"{field.definition} ({field.ja})",
        __validators__={"check_values": cast(Any, field_validator("values", mode="before")(check))},
        **parts,
    )


@cache
def axis_model(axis: str) -> type[_Frozen]:
    """The model of one axis: one attribute per field, `not_measured` by default."""
    fields = {
        field.name: (variable_model(field.id), not_measured(field.id)) for field in taxonomy() if field.axis == axis
    }
    return create_model(axis.title(), __base__=_Frozen, **cast(Any, fields))


def measured(
    field_id: str,
    values: Iterable[str],
    probability: Mapping[str, float],
    evidence: Iterable[Evidence] = (),
    spans: Iterable[Span] = (),
) -> Variable:
    """A value that an estimator read from pixels."""
    return variable_of(field_id, values, "measured", probability, evidence, spans)


def drawn(field_id: str, values: Iterable[str], spans: Iterable[Span] = ()) -> Variable:
    """A value that a script drew, hence certain."""
    values = tuple(values)
    return variable_of(field_id, values, "drawn", dict.fromkeys(values, 1.0), (), spans)


def abstain(field_id: str, reason: str, evidence: Iterable[Evidence] = ()) -> Variable:
    """An estimator looked and found too little evidence."""
    return variable_of(field_id, (UNKNOWN,), "measured", {}, evidence, (), reason)


@cache
def not_measured(field_id: str) -> Variable:
    """Nobody looked."""
    return variable_of(field_id, (UNKNOWN,), "none", {}, (), ())


def variable_of(
    field_id: str,
    values: Iterable[str],
    source: Source,
    probability: Mapping[str, float],
    evidence: Iterable[Evidence],
    spans: Iterable[Span],
    abstained: str | None = None,
) -> Variable:
    return variable_model(field_id)(
        field=field_id,
        values=tuple(values),
        probability={value: float(f"{p:.4g}") for value, p in probability.items()},
        source=source,
        evidence=tuple(evidence),
        spans=tuple(spans),
        abstained=abstained,
    )


class Narrative(_Frozen):
    """What nobody measures, in words: `model` wrote it, nobody vouches for it."""

    summary: str
    subjects: str
    environment: str
    model: str


class Record(_Frozen):
    """All that is known of one shot of `n_frames` frames. Build with `Record.build`."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    taxonomy_version: str
    taxonomy_hash: str
    n_frames: int
    rate: Fraction
    width_px: int
    height_px: int
    style: axis_model("style")  # pyright: ignore[reportInvalidTypeForm]  generated from the taxonomy
    motion: axis_model("motion")  # pyright: ignore[reportInvalidTypeForm]
    camera: axis_model("camera")  # pyright: ignore[reportInvalidTypeForm]
    vfx: axis_model("vfx")  # pyright: ignore[reportInvalidTypeForm]
    content: axis_model("content") = axis_model("content")()  # pyright: ignore[reportInvalidTypeForm]
    tracks: Tracks | None = None
    narrative: Narrative | None = None
    failures: tuple[str, ...] = ()  # what a source was asked and could not say, and why

    @field_validator("taxonomy_hash")
    @classmethod
    def _same_taxonomy(cls, value: str) -> str:
        if value != taxonomy().hash:
            raise ValueError(
                f"record of taxonomy hash {value}, but this is {taxonomy().version} ({taxonomy().hash}): "
                "read it with Record.from_json, which knows the released taxonomies"
            )
        return value

    @model_validator(mode="after")
    def _keep_the_rules(self) -> Record:
        variables = self.variables()
        spans = {name: [(s.value, s.start, s.end) for s in v.spans] for name, v in variables.items()}
        rules.check(taxonomy(), {name: v.values for name, v in variables.items()}, spans)
        return self

    @field_validator("tracks", mode="before")
    @classmethod
    def _read_tracks(cls, value: Any) -> Any:
        return Tracks.from_json(value) if isinstance(value, dict) else value

    @classmethod
    def build(
        cls,
        tracks: Tracks,
        variables: Mapping[str, Variable],
        narrative: Narrative | None = None,
        failures: Iterable[str] = (),
    ) -> Record:
        """A record of the shot that `tracks` spans; fields without a variable are `not_measured`.

        What follows by the taxonomy's rules is added, what contradicts them is settled (`settle.settle`).
        """
        from anicaption.settle import settle  # it builds variables, so it imports this file

        axes: dict[str, dict[str, Variable]] = {axis: {} for axis in taxonomy().axes}
        for field_id, variable in settle(variables).items():
            field = taxonomy()[field_id]
            axes[field.axis][field.name] = variable
        return cls(
            taxonomy_version=taxonomy().version,
            taxonomy_hash=taxonomy().hash,
            n_frames=tracks.n_frames,
            rate=tracks.rate,
            width_px=tracks.width_px,
            height_px=tracks.height_px,
            tracks=tracks,
            narrative=narrative,
            failures=tuple(failures),
            **{axis: axis_model(axis)(**fields) for axis, fields in axes.items()},
        )

    def __getitem__(self, field_id: str) -> Variable:
        field = taxonomy()[field_id]
        return getattr(getattr(self, field.axis), field.name)

    def variables(self) -> dict[str, Variable]:
        return {field.id: self[field.id] for field in taxonomy()}

    def tags(self) -> dict[str, tuple[str, ...]]:
        """What is known, as field -> values: `unknown` is left out, `na` stays."""
        return {name: variable.values for name, variable in self.variables().items() if variable.known}

    def window(self, start: int, end: int, crop: Crop | None = None) -> Record:
        """The record of frames [start, end) of this shot, seen through `crop` (x0, y0, x1, y1 in 0..1).

        What was measured is decided again from the tracks of those frames; what has spans keeps the values whose
        spans reach into them; what was said of the whole shot and cannot be decided again is `unknown`. The whole
        shot uncropped is the record itself.
        """
        if self.tracks is None:
            raise ValueError("record.window: the record has no tracks; caption the clip again")
        if (start, end) == (0, self.n_frames) and crop is None:
            return self
        tracks = self.tracks.window(start, end, crop)
        from anicaption.measure import read  # the readers build records, so they import this file

        derived = read(tracks)
        kept = {}
        for field in taxonomy():
            variable = self[field.id]
            if variable.source == "measured" or (field.id in derived and derived[field.id].known):
                kept[field.id] = derived.get(field.id, not_measured(field.id))
            else:
                kept[field.id] = _clip(field, variable, start, end, cropped=crop is not None)
        return Record.build(tracks, kept)

    def to_json(self) -> dict:
        """A JSON value without what is default: fields that nobody measured and empty lists are left out."""
        value = self.model_dump(mode="json", exclude={"tracks"}, exclude_defaults=True)
        for axis in taxonomy().axes:
            value[axis] = {name: v for name, v in value.get(axis, {}).items() if v.get("source") != "none"}
        if self.tracks is not None:
            value["tracks"] = self.tracks.to_json()
        return value

    @classmethod
    def from_json(cls, value: str | bytes | dict) -> Record:
        """A record as `to_json` wrote it, today or under a released taxonomy (`releases.migrated`)."""
        given = value if isinstance(value, dict) else json.loads(value)
        today = migrated(given)
        return cls.model_validate(today if today["taxonomy_hash"] == given.get("taxonomy_hash") else _settled(today))


def _settled(document: dict[str, Any]) -> dict[str, Any]:
    """A migrated record's JSON, free of what contradicted no rule when it was written."""
    from anicaption.settle import settle  # it builds variables, so it imports this file

    said = {f"{axis}.{name}": v for axis in taxonomy().axes for name, v in document.get(axis, {}).items()}
    settled = settle({field_id: variable_model(field_id).model_validate(v) for field_id, v in said.items()})
    axes: dict[str, dict[str, Any]] = {axis: {} for axis in taxonomy().axes}
    for field_id, variable in settled.items():
        axis, _, name = field_id.partition(".")
        axes[axis][name] = variable
    return {**document, **axes}


def _clip(field: Field, variable: Variable, start: int, end: int, cropped: bool) -> Variable:
    """`variable` for frames [start, end), from its spans where it has them, else only if it lasts all through."""
    if not variable.known or variable.values == (NOT_APPLICABLE,):
        return variable
    if cropped and field.id not in _UNCROPPED:
        return not_measured(field.id)
    if not variable.spans:
        lasts = field.id in _LASTING or variable.values == ("none",)
        return variable if lasts else not_measured(field.id)
    spans = tuple(
        Span(value=span.value, start=max(span.start, start) - start, end=min(span.end, end) - start)
        for span in variable.spans
        if span.start < end and span.end > start
    )
    values = {span.value for span in spans} or ({"none"} if "none" in field.value_ids else {UNKNOWN})
    probability = {value: variable.probability.get(value, 1.0) for value in values - {UNKNOWN}}
    return variable_of(field.id, values, variable.source, probability, (), spans)


# How a picture is made, and whom it shows, holds in every part of its shot; what moves in it may not.
_LASTING = {field.id for field in taxonomy() if field.axis == "style"} | {
    "camera.subject_count", "camera.viewpoint", "camera.angle", "camera.tilt", "camera.layering", "content.rating",
}  # fmt: skip
# Of these, a crop leaves standing what every part of the picture shows.
_UNCROPPED = {
    "style.medium", "style.production_stage", "style.era_look", "style.tradition", "style.shading", "style.line",
    "vfx.impact_frame", "camera.transition", "content.rating",
}  # fmt: skip
