"""The second hand: it draws what the script says, claims no more than it draws, and is frozen by hash.

The project's figures are reported on this hand, and nothing may be tuned on it. So its sources are frozen before any
estimator is judged on its pictures: whoever must change it writes the new hashes here and measures every figure of
docs/results.md again.
"""

import hashlib
import itertools
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import anicaption.drawn.second
import cv2
import numpy as np
import pytest
from anicaption.drawn.camera import plan
from anicaption.drawn.casting import cast
from anicaption.drawn.film import HANDS
from anicaption.drawn.script import Acting, CameraWork, Effects, Look, Place, Role, Shot
from anicaption.drawn.second import abilities, design, elements, impacts, lamps, light, lines, symbols, treat, words
from anicaption.drawn.second.acting import PERFORMANCES
from anicaption.drawn.second.shot import SecondShot
from anicaption.drawn.second.walls import SCENES
from anicaption.drawn.shot import DrawnShot
from anicaption.drawn.truth import record_of
from anicaption.taxonomy import taxonomy

SOURCES_SHA256 = "a6e14e03c7e9bd9653a2764324ae5684bf0bafe999187360d84494b79f40c2f9"
FRAMES_SHA256 = "ce12c8f34be67b3dbd0bd30eaae1722ad667ce07c78bb5ccd426a497282867c7"
FRAMES_OPENCV = "5.0.0"

RATE = Fraction(24000, 1001)
HEIGHT_PX, WIDTH_PX = 144, 256
STILL = CameraWork()


def place(kind: str = "town", **more) -> Place:
    return Place(**{"kind": kind, "light": "normal_day", "layering": "single_plane", "seed": 5, **more})


def someone(lot: int):
    """A character of the folk that the second hand makes of `lot`."""
    who = cast(np.random.default_rng(lot))
    return replace(who, seed=who.seed - who.seed % 10 + lot)


def shot(n_frames: int = 8, acting: Acting | None = None, lot: int = 0, work: CameraWork = STILL, **more) -> Shot:
    more = {"place": place(), "character": someone(lot) if acting else None, **more}
    return Shot(n_frames=n_frames, seed=3, camera=work, acting=acting, **more)


def film(one: Shot, height_px: int = 72) -> list[np.ndarray]:
    return list(SecondShot(one, height_px, height_px * 16 // 9).frames())


def standing(**more) -> Acting:
    return Acting(**{"performance": "idle", "exposure": 2, "size": "full", **more})


# -- frozen ----------------------------------------------------------------------------------------------------


def fixed_script() -> list[Shot]:
    """Three shots that between them use most of the hand's files."""
    talk = standing(performance="talk", exposure=3, size="bust", emotion="joy")
    punch = standing(performance="punch", period_frames=16, emotion="anger")
    company = (Role(someone(9), standing(size="long", at_x=-0.5, performance="wave")),)
    return [
        shot(10, talk, 1, place=place("room", light="evening"), effects=Effects(
            manpu=(("heart", 2, 10),), text=(("subtitle", "frozen", 0, 10),), light=("para", "rim"), seed=2)),
        shot(14, punch, 8, others=company, effects=Effects(
            lines=(("speed", 7, 14),), impacts=(("mono", 8, 10),), elements=(("dust", 4, 14),), seed=2),
            look=Look(shading="three_tone", line="bold"), place=place("skyline")),
        shot(8, None, work=CameraWork(("pan_right",), 1.5, "constant"), place=place("forest", layering="book"),
             effects=Effects(composite=(("film_grain", 0, 8),), seed=2)),
    ]  # fmt: skip


def sources_sha256() -> str:
    folder = Path(anicaption.drawn.second.__file__).parent
    total = hashlib.sha256()
    for path in sorted(folder.glob("*.py")):
        total.update(path.name.encode() + b"\0" + path.read_bytes().replace(b"\r\n", b"\n") + b"\0")
    return total.hexdigest()


def frames_sha256() -> str:
    total = hashlib.sha256()
    for one in fixed_script():
        for frame in film(one, HEIGHT_PX):
            total.update(frame.tobytes())
    return total.hexdigest()


def test_the_sources_are_frozen():
    found = sources_sha256()
    assert found == SOURCES_SHA256, (
        f"drawn/second has changed (sources {found}, frozen {SOURCES_SHA256}). The figures of docs/results.md were "
        "measured on the frozen renderer: measure them again (make bench-caption), and write the new hashes here."
    )


def test_the_pictures_are_frozen():
    found = frames_sha256()
    assert found == FRAMES_SHA256, (
        f"the second hand draws other pictures than when it was frozen (frames {found}, frozen {FRAMES_SHA256}). Was "
        "it the script's own files (sheet, camera, grade) or drawn/second, then the figures of docs/results.md must "
        f"be measured again and the hash written here. It may also be OpenCV: frozen with {FRAMES_OPENCV}, here "
        f"{cv2.__version__}, and its rasteriser differs between builds; then the hash of the sources is what counts."
    )


# -- what it draws ---------------------------------------------------------------------------------------------


def test_the_same_shot_gives_the_same_frames():
    one = fixed_script()[1]
    first, second = film(one, HEIGHT_PX), film(one, HEIGHT_PX)
    assert len(first) == one.n_frames
    assert all(np.array_equal(a, b) for a, b in zip(first, second))
    assert {(f.shape, f.dtype) for f in first} == {((HEIGHT_PX, WIDTH_PX, 3), np.dtype(np.uint8))}


def test_it_is_another_hand():
    one = shot(2, standing())
    theirs = next(DrawnShot(one, HEIGHT_PX, WIDTH_PX).frames())
    assert np.abs(film(one, HEIGHT_PX)[0].astype(int) - theirs).mean() > 20
    assert HANDS["first"][1] != HANDS["second"][1]


@pytest.mark.parametrize(("move", "x", "y"), [("pan_left", -0.02, 0.0), ("pan_down", 0.0, 0.02)])
def test_the_camera_goes_where_the_path_says(move, x, y):
    one = shot(5, work=CameraWork((move,), 2.0, "constant"))
    grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY).astype(np.float32) for frame in film(one, HEIGHT_PX)]
    path = plan(one.camera, one.n_filmed, WIDTH_PX / HEIGHT_PX)
    columns = path.columns(0, 5)
    patch = grey[1][40:100, 60:190]
    match = cv2.matchTemplate(grey[3], patch, cv2.TM_CCOEFF_NORMED)
    (found_x, found_y) = cv2.minMaxLoc(match)[3]
    assert found_x - 60 == pytest.approx(-WIDTH_PX * columns["camera_x"][2:4].sum(), abs=0.8)
    assert found_y - 40 == pytest.approx(-HEIGHT_PX * columns["camera_y"][2:4].sum(), abs=0.8)
    assert (columns["camera_x"][2], columns["camera_y"][2]) == pytest.approx((x, y * 16 / 9), abs=1e-4)


def cels(one: Shot) -> list[np.ndarray]:
    drawn = SecondShot(one, HEIGHT_PX, WIDTH_PX)
    box = (-0.9, -0.5, 0.9, 0.5)
    out = []
    for drawing in drawn.sheets[0].drawings:
        cel = drawn.figures[0].cel(drawing, 144.0, 144.0, box)
        sheet = np.zeros((200, 300, 4), np.int16)
        x, y = (round((cel.to_artwork[i, 2] + (0.9, 0.5)[i]) * 144) for i in (0, 1))
        sheet[y : y + cel.image.shape[0], x : x + cel.image.shape[1]] = cel.image
        out.append(sheet)
    return out


PARTS = ("mouth_flap", "blink", "hair_flutter", "cloth_flutter", "eye_line")


@pytest.mark.parametrize("lot", [0, 8, 9])
@pytest.mark.parametrize("part", PARTS)
def test_a_part_moves_exactly_when_the_sheet_says(part, lot):
    acting = standing(exposure=3, size="knee" if part == "cloth_flutter" else "bust", parts=(part,), emotion="joy")
    one = shot(24, acting, lot)
    one = replace(one, character=replace(someone(lot), hair="ponytail", legs="skirt"))
    new = SecondShot(one, HEIGHT_PX, WIDTH_PX).sheets[0].new()
    pictures = cels(one)
    changed = [int((np.abs(a - b).max(2) > 24).sum()) for a, b in itertools.pairwise(pictures)]
    assert sum(new[1:]) > 1
    for count, expected in zip(changed, new[1:]):
        assert (count >= 8) if expected else (count == 0)


@pytest.mark.parametrize("performance", sorted(set(PERFORMANCES) - {"pose", "talk"}))
def test_every_performance_moves_its_body(performance):
    pictures = cels(shot(20, standing(performance=performance, period_frames=16)))
    assert sum(bool((np.abs(a - b).max(2) > 24).sum() > 12) for a, b in itertools.pairwise(pictures)) >= 5


@pytest.mark.parametrize("kind", sorted(abilities.DRAWS["motion.deformation"] - {"none", "na"}))
@pytest.mark.parametrize("lot", [0, 8])
def test_a_deformed_drawing_is_another_drawing(kind, lot):
    plain = standing(performance="punch", period_frames=24, exposure=2, size="waist" if kind == "gag_face" else "full")
    pictures = [
        cels(shot(12, act, lot)) for act in (plain, replace(plain, deformations=((kind, 4, 8),), degree="extreme"))
    ]
    differs = [int((np.abs(a - b).max(2) > 24).sum()) > 60 for a, b in zip(*pictures)]
    assert differs == [4 <= frame < 8 for frame in range(12)]


@pytest.mark.parametrize(
    ("field", "kind"),
    [(name, kind) for name, kinds in (
        ("lines", lines.LINES), ("impacts", impacts.IMPACTS), ("elements", elements.ELEMENTS),
        ("manpu", symbols.SYMBOLS), ("composite", (*treat.EARLY, *treat.LATE)),
    ) for kind in kinds],
)  # fmt: skip
def test_an_effect_is_seen_in_its_frames_only(field, kind):
    acting = standing(performance="walk", exposure=1, size="knee", travel=0.3)
    plain = shot(9, acting, place=place("sea"))
    start = 4 if field == "impacts" else 2
    with_it = replace(plain, effects=Effects(**{field: ((kind, start, 8),)}))  # pyright: ignore[reportArgumentType]
    differs = [np.abs(a.astype(int) - b).mean() > 0.05 for a, b in zip(film(plain), film(with_it))]
    early = differs[:start] + differs[8:]
    assert not any(early)
    # A course may begin with nothing, and an afterimage needs a past.
    assert any(differs[start:8])


@pytest.mark.parametrize("kind", lamps.KINDS)
def test_light_is_seen(kind):
    lit = film(shot(3, standing(), effects=Effects(light=(kind,))))
    plain = film(shot(3, standing()))
    assert max(np.abs(a.astype(int) - b).mean() for a, b in zip(lit, plain)) > 0.3


@pytest.mark.parametrize("kind", words.TEXTS)
def test_words_are_seen(kind):
    told = film(shot(2, standing(), effects=Effects(text=((kind, "ことば", 0, 2),))))
    assert np.abs(told[1].astype(int) - film(shot(2, standing()))[1]).max() > 40


@pytest.mark.parametrize("kind", SCENES)
def test_every_place_in_every_light(kind):
    pictures = [film(shot(1, place=place(kind, light=lit)))[0].astype(int) for lit in light.LIGHTS]
    assert all(picture.std() > 8 for picture in pictures)
    assert all(np.abs(a - b).mean() > 4 for a, b in itertools.pairwise(pictures))


# -- what it claims --------------------------------------------------------------------------------------------


def test_the_declared_values_are_the_taxonomys():
    for name, values in abilities.DRAWS.items():
        known = {value.id for value in taxonomy()[name].values} | {"none", "na"}
        assert values <= known, f"{name}: {sorted(values - known)}"


def test_what_it_cannot_draw_is_not_claimed():
    asked = shot(3, standing(), look=Look(medium="rotoscope"))
    drawn = SecondShot(asked, HEIGHT_PX, WIDTH_PX)
    record = record_of(drawn, RATE)
    assert record["style.medium"].values == ("unknown",)
    assert record["style.line"].values == ("tapered_brush",)


@pytest.mark.parametrize(
    ("lot", "proportion"), [(0, "youthful"), (3, "standard"), (7, "realistic"), (9, "creature_mecha")]
)
def test_proportions_are_its_own(lot, proportion):
    record = record_of(SecondShot(shot(2, standing(), lot), HEIGHT_PX, WIDTH_PX), RATE)
    assert record["style.proportion"].values == (proportion,)
    build = design.build_of(someone(lot))
    heads = {"youthful": (4, 5.5), "standard": (5.5, 7), "realistic": (7, 9), "creature_mecha": (0, 9)}[proportion]
    assert heads[0] <= build.height <= heads[1]


def test_strange_values_are_refused_by_name():
    for broken in (
        shot(1, place=place("moon")), shot(1, place=place(light="noon")), shot(1, standing(performance="sing")),
        shot(1, effects=Effects(composite=(("sepia", 0, 1),))), shot(1, standing(), look=Look(line="wobbly")),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=r"moon|noon|sing|sepia|wobbly"):
            film(broken)
