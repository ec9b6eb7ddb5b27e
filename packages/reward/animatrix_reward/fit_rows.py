"""Events as arrays to learn from: pairs, scores, and what every frame was said to be. Pure; nothing is learned here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from animatrix_reward.dimensions import BY_ID, HUMAN, OVERALL, STRUCTURE
from animatrix_reward.events import Event, EventError, standing
from animatrix_reward.excuse import MAY_LAST

FAILS: dict[str, tuple[str, ...]] = {
    "extra_limb": ("limb_structure",),
    "melt": ("face_topology", "limb_structure", "line_continuity"),
    "flicker": ("motion_coherence",),
    "identity_swap": ("face_topology", "motion_coherence"),
    "background_merge": ("limb_structure", "line_continuity"),
    "boiling_line": ("line_continuity",),
    "pop": ("motion_coherence",),
}
"""Which structural heads a pathology breaks. `other` and drawn kinds that fail break some head nobody named."""
PAIR_DIMENSIONS = (*HUMAN, OVERALL)
SCORED = tuple(BY_ID)
_VERDICTS = ("left", "right", "equal_good", "equal_bad")


@dataclass(frozen=True)
class Marks:
    """What raters said of a clip's frames, averaged: `intent_T2`, `failing_T4` and `any_T` are shares of raters.

    `sure_T` is 0 where a rater was unsure or nobody looked; `named_T` is 0 where something fails that no head names.
    """

    intent_T2: np.ndarray
    failing_T4: np.ndarray
    any_T: np.ndarray
    sure_T: np.ndarray
    named_T: np.ndarray


@dataclass(frozen=True)
class Rows:
    """Everything to learn from. Clips by their place in `clips`, raters in `raters`.

    `pairs_N5`: left, right, place in PAIR_DIMENSIONS, place in _VERDICTS, rater. `scores_N4`: clip, place in SCORED,
    score, rater. `marks` by clip.
    """

    clips: tuple[str, ...]
    prompts: tuple[str, ...]
    raters: tuple[str, ...]
    pairs_N5: np.ndarray
    scores_N4: np.ndarray
    marks: Mapping[int, Marks]


def rows_of(events: Iterable[Event], frames_of: Mapping[str, int], prompt_of: Mapping[str, str]) -> Rows:
    """Rows of the events that stand. `frames_of` says how long every clip is, `prompt_of` what it was made for.

    Raises EventError for a clip that is not there, and for a span beyond its end.
    """
    held = standing(events)
    clips = tuple(frames_of)
    place = {name: at for at, name in enumerate(clips)}
    raters = tuple(sorted({event.rater for event in held}))
    who = {name: at for at, name in enumerate(raters)}

    def at(event: Event, name: str) -> int:
        clip = str(event.body[name])
        if clip not in place:
            raise EventError(f"event {event.id}: {name}: no clip {clip} was given; export the clips with the votes")
        return place[clip]

    pairs, scores, spans = [], [], {}
    for event in held:
        if event.kind == "compare" and event.body["verdict"] in _VERDICTS:
            dimension = PAIR_DIMENSIONS.index(event.body["dimension"])
            verdict = _VERDICTS.index(event.body["verdict"])
            pairs.append((at(event, "left"), at(event, "right"), dimension, verdict, who[event.rater]))
        elif event.kind == "rate":
            clip = at(event, "clip")
            scores += [(clip, SCORED.index(name), s, who[event.rater]) for name, s in event.body["scores"].items()]
        elif event.kind == "deform":
            spans.setdefault(at(event, "clip"), []).append(_marks(event, frames_of[str(event.body["clip"])]))
    return Rows(
        clips, tuple(prompt_of[name] for name in clips), raters,
        np.array(pairs, np.int64).reshape(-1, 5), np.array(scores, np.int64).reshape(-1, 4),
        {clip: _averaged(said) for clip, said in spans.items()},
    )  # fmt: skip


def _marks(event: Event, n_frames: int) -> Marks:
    intent, failing = np.zeros((n_frames, 2), np.float32), np.zeros((n_frames, len(STRUCTURE)), np.float32)
    any_T, sure, named = (np.full(n_frames, value, np.float32) for value in (0.0, 1.0, 1.0))
    for span in event.body["spans"]:
        if span["end"] > n_frames:
            raise EventError(
                f"event {event.id}: span [{span['start']}, {span['end']}) ends after frame {n_frames - 1} of "
                f"{event.body['clip']}; the clip of the vote is another file"
            )
        part = slice(span["start"], span["end"])
        if span["verdict"] == "intentional":
            intent[part, int(span["kind"] in MAY_LAST)] = 1.0
        elif span["verdict"] == "unsure":
            sure[part] = 0.0
        else:
            any_T[part] = 1.0
            heads = FAILS.get(span["kind"])
            if heads is None:
                named[part] = 0.0
            else:
                failing[part, [STRUCTURE.index(head) for head in heads]] = 1.0
    return Marks(intent, failing, any_T, sure, named)


def _averaged(said: Sequence[Marks]) -> Marks:
    names = Marks.__dataclass_fields__
    return Marks(**{name: np.mean([getattr(one, name) for one in said], axis=0) for name in names})
