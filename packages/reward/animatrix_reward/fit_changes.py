"""Clips changed as an optimiser would change them, for a fit: none may be better than the sound clip it was made of.

Votes do not show what a reward is misused for. Without these pairs a Judge that learnt from votes alone pays for
stillness (docs/results.md).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from animatrix_reward.clip_list import Listed, pictures
from animatrix_reward.corrupt import Clip
from animatrix_reward.events import Event, standing
from animatrix_reward.excuse import IMPACTS, SMEARS
from animatrix_reward.features import Seen, look
from animatrix_reward.metamorphic import MUST_NOT_RAISE, Subject

_SOUND = 0.5  # of the raters may see a failure in a sound clip


def changed(
    clips: Sequence[Listed], events: Iterable[Event], seen: Mapping[str, Seen], a_prompt: int, seed: int, encoder=None
) -> Iterator[tuple[Listed, Seen, str]]:
    """Up to `a_prompt` changed clips of every prompt: the clip, what is seen of it, and what it was made of.

    Made of the first clip of the prompt in which raters looked for spans and most saw nothing fail; a prompt without
    one has none. Which changes are tried first goes round from prompt to prompt.
    """
    spans: dict[str, list[list[dict]]] = {}
    for event in standing(events):
        if event.kind == "deform":
            spans.setdefault(event.body["clip"], []).append(event.body["spans"])
    sound: dict[str, Listed] = {}
    for clip in clips:
        if _is_sound(spans.get(clip.id, [])):
            sound.setdefault(clip.prompt, clip)
    for number, clip in enumerate(sound.values()):
        told = [span for said in spans[clip.id] for span in said]
        subject = _subject(pictures(clip, encoder), told, seen[clip.id].drawings_T)
        names = list(itertools.islice(itertools.cycle(MUST_NOT_RAISE), number, number + len(MUST_NOT_RAISE)))
        made = ((name, MUST_NOT_RAISE[name](subject, seed + number)) for name in names)
        for name, frames in itertools.islice(((name, f) for name, f in made if f is not None), a_prompt):
            yield replace(clip, id=f"{clip.id}:{name}"), look(frames, encoder), clip.id


def _is_sound(said: list[list[dict]]) -> bool:
    fails = [any(span["verdict"] == "failure" for span in spans) for spans in said]
    return bool(said) and float(np.mean(fails)) < _SOUND


def _subject(frames_THWC: np.ndarray, told: list[dict], drawings_T: np.ndarray) -> Subject:
    """The clip with what raters called smears and impacts on purpose. Nothing here asks where its figure is."""
    clip = Clip(frames_THWC, np.zeros(frames_THWC.shape[:3], bool))
    smears, impacts = (
        tuple((one["start"], one["end"]) for one in told if one["verdict"] == "intentional" and one["kind"] in kinds)
        for kinds in (SMEARS, IMPACTS)
    )
    return Subject(clip, smears, impacts, drawings_T, clip)
