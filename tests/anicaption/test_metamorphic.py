"""What must hold between the records of a clip and of the same clip changed, whatever the clip shows.

Mirrored, left and right change places. Reversed, every move goes back, the ends of easings and spacings change places,
and what faded in fades out. With every frame doubled, exposures double. One inverted frame is an impact frame and
nothing else. A turn of the hues changes colours only. A field that abstains on either side of a relation says nothing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest
from anicaption.captioner import caption
from anicaption.drawn.casting import cast
from anicaption.drawn.script import Acting, CameraWork, Effects, Place, Shot
from anicaption.drawn.shot import DrawnShot
from anicaption.frames import encode_clip, frames
from anicaption.record import Record
from anicaption.taxonomy import taxonomy

Values = tuple[str, ...]

MEDIA = Path(os.environ.get("ANIMATRIX_MEDIA", Path(__file__).parents[3] / "shared" / "media"))
COLOURS = {"style.chroma", "style.key", "style.temperature", "style.hues", "style.color_script"}
FLASHED_AT = 14

LEFT_RIGHT = {"pan_left": "pan_right", "pan_right": "pan_left", "roll_cw": "roll_ccw", "roll_ccw": "roll_cw"}
BACK = LEFT_RIGHT | {"pan_up": "pan_down", "pan_down": "pan_up", "track_up": "track_back", "track_back": "track_up"}
ENDS = {"slow_start": "slow_end", "slow_end": "slow_start"}
DOUBLED = {"ones": "twos", "twos": "fours_plus", "threes": "fours_plus"}


def clip(camera: CameraWork, acting: Acting | None, n_frames: int = 36, effects: Effects | None = None) -> np.ndarray:
    rng = np.random.default_rng(8)
    character = cast(rng) if acting else None
    place = Place("meadow", "normal_day", "single_plane", 4)
    shot = Shot(n_frames, 3, place, camera, character, acting, effects or Effects())
    return np.stack(list(DrawnShot(shot, 144, 256).frames()))


DRAWN: dict[str, Callable[[], np.ndarray]] = {
    "pan": lambda: clip(CameraWork(("pan_right",), 1.2, "slow_end"), Acting("wave", 2, "knee", period_frames=16)),
    "rise": lambda: clip(CameraWork(("pan_up",), 1.2, "slow_start"), None, 30),
    "track": lambda: clip(CameraWork(("track_up",), 0.9, "constant", widest=0.0), None, 30),
    "roll": lambda: clip(CameraWork(("roll_cw",), 1.2, "constant"), None, 30),
    "acting": lambda: clip(CameraWork(), Acting("wave", 2, "knee", period_frames=16), 40),
    "held": lambda: clip(CameraWork(), Acting("pose", 0, "bust")),
    "flash": lambda: clip(
        CameraWork(), Acting("wave", 3, "knee", period_frames=24), 40, Effects(impacts=(("inverted", 20, 22),))
    ),
}
# File, first frame and frame after the last of shots whose labels are sure.
REAL = {
    "whip": ("munchausen/munchausen_A.mp4", 170, 206),
    "bridge": ("munchausen/munchausen_A.mp4", 310, 341),
    "cel": ("popeye/popeye_sinbad_T01-2_24fps.mkv", 60, 92),
}
CLIPS = [pytest.param(name, id=name) for name in DRAWN] + [
    pytest.param(
        name,
        id=f"real-{name}",
        marks=pytest.mark.skipif(not (MEDIA / file).exists(), reason=f"no labelled footage: {MEDIA / file}"),
    )
    for name, (file, _, _) in REAL.items()
]


@cache
def pictures(name: str) -> np.ndarray:
    if name in DRAWN:
        return DRAWN[name]()
    file, start, end = REAL[name]
    return np.stack([frame.rgb(144) for frame in islice(frames(MEDIA / file), start, end)])


@dataclass(frozen=True)
class Change:
    """How the pictures are changed, and what each value then must be."""

    pixels: Callable[[np.ndarray], np.ndarray]
    values: Callable[[str, Values], Values]
    fields: Callable[[str], bool] = lambda field: True


def swapped(table: dict[str, dict[str, str]]) -> Callable[[str, Values], Values]:
    def swap(field: str, values: Values) -> Values:
        if field == "camera.transition":
            return taxonomy()[field].check([turned(v) for v in values]) if "transition" in table else values
        if field not in table or values[0] in ("unknown", "na"):
            return values
        return taxonomy()[field].check([table[field].get(value, value) for value in values])

    return swap


def turned(transition: str) -> str:
    """fade_in_black <-> fade_out_black, dissolve_in <-> dissolve_out."""
    parts = [{"in": "out", "out": "in"}.get(part, part) for part in transition.split("_")]
    return "_".join(parts)


def hues_turned(film: np.ndarray) -> np.ndarray:
    """A third of the colour circle further."""
    turned_film = []
    for picture in film:
        hsv = cv2.cvtColor(picture, cv2.COLOR_RGB2HSV)
        hsv[..., 0] = (hsv[..., 0].astype(int) + 60) % 180
        turned_film.append(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB))
    return np.stack(turned_film)


CHANGES = {
    "mirrored": Change(lambda film: film[:, :, ::-1], swapped({"camera.move": LEFT_RIGHT})),
    "reversed": Change(
        lambda film: film[::-1],
        swapped({"camera.move": BACK, "camera.easing": ENDS, "motion.spacing": ENDS, "transition": {}}),
        lambda field: field not in {"motion.accent", "camera.shot_size"} and field != "camera.shake",
    ),
    "doubled": Change(
        lambda film: film.repeat(2, axis=0),
        swapped({"motion.timing": DOUBLED}),
        # Speeds a frame halve, and how a doubled move is eased or shaken is a matter of taste.
        lambda field: field in {"motion.timing", "camera.move", "camera.transition", "vfx.impact_frame", *COLOURS},
    ),
    "hues turned": Change(hues_turned, lambda field, values: values, lambda field: field not in COLOURS),
}


@cache
def captioned(name: str, change: str = "") -> Record:
    film = pictures(name)
    if change == "flashed":
        film = film.copy()
        film[FLASHED_AT] = 255 - film[FLASHED_AT]
    elif change:
        film = CHANGES[change].pixels(film)
    return caption(encode_clip(np.ascontiguousarray(film), crf=12, preset="superfast"))


def said(record: Record) -> dict[str, Values]:
    """What is known, beside what other fields only derive from."""
    return {name: values for name, values in record.tags().items() if values != ("na",)}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("name", CLIPS)
def test_a_changed_clip_changes_what_it_must_and_nothing_else(name, change):
    rule = CHANGES[change]
    before, after = said(captioned(name)), said(captioned(name, change))
    wrong = {
        field: f"{before[field]} became {after[field]}, not {expected}"
        for field in sorted(before.keys() & after.keys())
        if rule.fields(field)
        for expected in [rule.values(field, before[field])]
        if after[field] != expected
    }
    assert not wrong


@pytest.mark.parametrize("name", [name for name in CLIPS if name.values[0] != "flash"])
def test_an_inverted_frame_adds_an_impact_frame_and_nothing_else(name):
    before, after = captioned(name), captioned(name, "flashed")
    added = set(after["vfx.impact_frame"].values) - set(before["vfx.impact_frame"].values)
    assert added == {"inverted"}
    (span,) = [span for span in after["vfx.impact_frame"].spans if span.value == "inverted"]
    assert (span.start, span.end) == (FLASHED_AT, FLASHED_AT + 1)
    wrong = {
        field: (values, after[field].values)
        for field, values in said(before).items()
        if field != "vfx.impact_frame" and after[field].known and after[field].values != values
    }
    assert not wrong


@pytest.mark.parametrize("name", ["pan", "rise", "track"])
def test_doubled_frames_are_no_faster(name):
    grades = taxonomy()["camera.speed"].value_ids
    before, after = (captioned(name, change)["camera.speed"].values[0] for change in ("", "doubled"))
    assert grades.index(after) <= grades.index(before)


@pytest.mark.parametrize("name", ["pan", "rise", "track", "roll", "acting", "held", "flash"])
def test_the_suite_speaks_of_something(name):
    """A relation between two abstentions would hold by saying nothing."""
    known = said(captioned(name))
    assert "camera.move" in known and len(known) >= 8
    wanted = {"pan": ("pan_right",), "rise": ("pan_up",), "track": ("track_up",), "roll": ("roll_cw",)}
    assert known["camera.move"] == wanted.get(name, ("none",))
    if name == "flash":
        assert known["vfx.impact_frame"] == ("inverted",)


def test_the_labels_of_the_real_clips_say_what_they_are_used_for():
    for file, start, end in REAL.values():
        path = (MEDIA / file).with_suffix(".json")
        if not path.exists():
            pytest.skip(f"no labelled footage: {path}")
        cuts = [cut["frame"] for cut in json.loads(path.read_text("utf-8"))["cuts"]]
        assert not [cut for cut in cuts if start < cut < end], f"{file} {start}-{end} is more than one shot"
