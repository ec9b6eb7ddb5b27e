"""Look and effects: what the script says of them is in the pixels, and the truth speaks of nothing else."""

import itertools
from dataclasses import replace

import cv2
import numpy as np
import pytest
from anicaption.colour_bins import grid, lab, numbers_of, values_of
from anicaption.drawn import background_art, composite, effects_elements, effects_impact, effects_lines, light, marks
from anicaption.drawn.dress import GRADES, dress, join
from anicaption.drawn.film import render_frames
from anicaption.drawn.joints import KINDS as JOINTS
from anicaption.drawn.look_cel import LINES, SHADINGS
from anicaption.drawn.script import Acting, CameraWork, Character, Effects, Episode, Look, Place, Shot
from anicaption.drawn.shot import DrawnShot
from anicaption.drawn.truth_look import flashing_spans, look_of, transition_spans
from anicaption.drawn.variables import write_variables
from anicaption.taxonomy import taxonomy

HEIGHT_PX, WIDTH_PX = 96, 170
_WHO = Character(
    "bob", "straight", (62, 56, 104), (84, 118, 226), (255, 230, 212), "sailor", (248, 248, 252), (44, 62, 120),
    (216, 52, 64), "skirt", "ribbon", 3,
)  # fmt: skip


def shot(n_frames=6, size="bust", performance="idle", exposure=0, **more) -> Shot:
    acting = Acting(performance, exposure, size, start_phase=0.1)
    return Shot(n_frames, 1, Place("town", "normal_day", "single_plane", 4), CameraWork(), _WHO, acting, **more)


def drawn(what: Shot, rows=HEIGHT_PX, columns=WIDTH_PX) -> list[np.ndarray]:
    return list(DrawnShot(what, rows, columns).frames())


def apart(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a.astype(int) - b).mean())


def test_every_drawn_value_is_one_of_the_taxonomy():
    drawn_values = {
        "vfx.lines": effects_lines.KINDS, "vfx.impact_frame": effects_impact.KINDS, "vfx.light": light.KINDS,
        "vfx.composite": composite.KINDS, "vfx.element": effects_elements.KINDS, "vfx.manpu": marks.KINDS,
        "style.line": LINES, "style.shading": SHADINGS, "style.background_art": background_art.ARTS,
    }  # fmt: skip
    for name, values in drawn_values.items():
        named = set(taxonomy()[name].value_ids) - {"none"}
        assert set(values) <= named, name
        if name.startswith("vfx") or name in ("style.line", "style.shading"):
            assert set(values) == named, f"{name}: {named - set(values)} is never drawn"


PLAIN = drawn(shot())


@pytest.mark.parametrize(
    ("field", "kind"),
    [("lines", kind) for kind in effects_lines.KINDS]
    + [("elements", kind) for kind in effects_elements.KINDS]
    + [("manpu", kind) for kind in marks.KINDS]
    + [("composite", kind) for kind in composite.KINDS if kind != "afterimage_strobe"],
)
def test_an_effect_shows_in_its_frames_and_nowhere_else(field, kind):
    frames = drawn(shot(effects=replace(Effects(seed=3), **{field: ((kind, 2, 5),)})))
    for t in (0, 1, 5):
        assert apart(frames[t], PLAIN[t]) == 0, t
    assert max(apart(frames[t], PLAIN[t]) for t in (2, 3, 4)) > 0.05


@pytest.mark.parametrize("kind", light.KINDS)
def test_light_brightens_or_dims_the_whole_shot(kind):
    frames = drawn(shot(effects=Effects(light=(kind,), seed=4)))
    assert max(apart(a, b) for a, b in zip(frames, PLAIN)) > 0.15


def test_lines_and_shadings_are_different_pictures():
    looks = [Look(line=line) for line in LINES] + [Look(shading=shading) for shading in SHADINGS]
    looks += [Look(stage="line_douga"), Look(stage="rough_genga")]
    pictures = [drawn(shot(1, look=look))[0] for look in looks]
    alike = [
        (looks[i], looks[j])
        for i in range(len(looks))
        for j in range(i)
        if apart(pictures[i], pictures[j]) < 0.05 and looks[i] != looks[j]
    ]
    assert alike == []


def test_black_shadows_are_black_and_no_shadow_has_fewer_colours():
    flat, two, black = (
        drawn(shot(1, look=Look(shading=name)))[0] for name in ("no_shadow", "two_tone", "black_shadow")
    )
    assert (black.max(2) < 40).mean() > (two.max(2) < 40).mean() + 0.01
    assert np.abs(flat.astype(int) - two).max(2).astype(bool).mean() > 0.02


def test_unpainted_stages_are_paper_and_pencil():
    for stage in ("line_douga", "rough_genga"):
        frame = drawn(shot(1, look=Look(stage=stage)))[0]
        assert values_of(numbers_of(lab(grid(frame, 96))))["style.chroma"] == "monochrome"
        assert frame.mean() > 190 and (frame.max(2) < 120).mean() > 0.002
        truth = look_of(shot(1, look=Look(stage=stage)))
        assert truth["style.chroma"].values == ("monochrome",) and truth["style.production_stage"].values == (stage,)


@pytest.mark.parametrize("grade", GRADES[::5])
def test_graded_pictures_lie_in_their_bins(grade):
    chroma, key, temperature, hues = grade
    look = Look(chroma=chroma, key=key, temperature=temperature, hues=hues, graded=True, seed=2)
    what = shot(2, look=look)
    read = values_of(numbers_of(lab(grid(drawn(what)[1]))))
    assert read == {name: look_of(what)[name].values[0] for name in read}


def test_an_ungraded_look_says_nothing_of_its_colours():
    assert not {"style.chroma", "style.key", "style.temperature", "style.hues"} & set(look_of(shot()))


def test_focus_softens_what_it_names():
    def sharp(frame, part):
        return cv2.Laplacian(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), cv2.CV_64F)[part].std()

    ground, figure = np.s_[10:60, 4:36], np.s_[40:92, 66:104]
    deep = PLAIN[0]
    bg, fg, all_ = (drawn(shot(1, look=Look(focus=name)))[0] for name in ("bg_blur", "fg_blur", "full_defocus"))
    assert sharp(bg, ground) < 0.7 * sharp(deep, ground) and sharp(bg, figure) > 0.8 * sharp(deep, figure)
    assert sharp(fg, figure) < 0.7 * sharp(deep, figure) and sharp(fg, ground) > 0.95 * sharp(deep, ground)
    assert sharp(all_, ground) < 0.7 * sharp(deep, ground) and sharp(all_, figure) < 0.7 * sharp(deep, figure)
    rack = drawn(shot(12, look=Look(focus="rack", seed=0)))
    assert sharp(rack[0], ground) < 0.7 * sharp(rack[-1], ground)
    assert sharp(rack[-1], figure) < 0.7 * sharp(rack[0], figure)


def test_matte_is_black_outside_and_named_by_its_sides():
    for border, name in (((0.1, 0.0), "letterbox"), ((0.0, 0.1), "pillarbox"), ((0.1, 0.1), "windowbox")):
        what = shot(1, look=Look(border=border))
        frame = drawn(what)[0]
        rows, columns = round(border[0] * HEIGHT_PX), round(border[1] * WIDTH_PX)
        inside = frame[rows : HEIGHT_PX - rows, columns : WIDTH_PX - columns]
        assert frame.sum() == inside.sum() and inside.mean() > 60
        assert look_of(what)["camera.matte"].values == (name,)


@pytest.mark.parametrize("kind", JOINTS)
def test_transitions_change_exactly_the_frames_they_name(kind):
    before, after = shot(24, out=(kind, 8)), replace(shot(24, into=(kind, 8)), seed=9)
    after = replace(after, place=Place("sea", "evening", "single_plane", 8))
    film = list(render_frames(Episode("pair", 0, (before, after)), HEIGHT_PX))
    plain = [replace(one, into=("none", 0), out=("none", 0)) for one in (before, after)]
    cut = list(render_frames(Episode("pair", 0, tuple(plain)), HEIGHT_PX))
    changed = {t for t in range(48) if apart(film[t], cut[t]) > 0.4}
    [(name_out, out_start, out_end)] = transition_spans(before)
    [(name_in, in_start, in_end)] = transition_spans(after)
    named = set(range(out_start, out_end)) | set(range(24 + in_start, 24 + in_end))
    assert name_out == {"fade_black": "fade_out_black", "fade_white": "fade_out_white"}.get(kind, f"{kind}_out")
    assert name_in == {"fade_black": "fade_in_black", "fade_white": "fade_in_white"}.get(kind, f"{kind}_in")
    assert changed <= named and len(named - changed) <= 2, (sorted(changed), sorted(named))


def test_flashing_is_counted_by_the_second():
    def strobe(period, kinds=("white_flash", "black_flash")):
        spans = tuple((kinds[k % 2], t, t + 2) for k, t in enumerate(range(4, 34, period)))
        return flashing_spans(shot(40, effects=Effects(impacts=spans)))

    assert strobe(16) == []
    white = ("white_flash",) * 2
    [(start, end)] = strobe(5, white)  # type: ignore[misc]
    assert start == 4 and 30 <= end <= 36
    assert strobe(8, white) == []
    assert strobe(5) == []  # from white through the picture to black is one fall: under three pairs a second
    [(start, end)] = strobe(3)  # type: ignore[misc]
    assert start == 4 and end >= 30
    assert strobe(5, ("inverted", "mono")) is None  # their luminance is the picture's business
    truth = look_of(shot(40, effects=Effects(impacts=(("white_flash", 8, 10),))))
    assert truth["content.flashing"].values == ("none",)


def test_a_mono_impact_is_a_black_and_white_drawing():
    frames = drawn(shot(6, effects=Effects(impacts=(("mono", 2, 4),), seed=5)))
    for t in (2, 3):
        assert np.ptp(frames[t], axis=2).max() == 0
        assert ((frames[t] < 8) | (frames[t] > 247)).mean() > 0.8
    assert apart(frames[1], PLAIN[1]) == apart(frames[4], PLAIN[4]) == 0


def test_dressed_shots_are_the_same_for_a_seed_and_cover_the_fields():
    [first], [again] = write_variables(1, 21, 40), write_variables(1, 21, 40)
    assert first == again
    seen = {(name, value) for one in first.shots for name, v in look_of(one).items() for value in v.values}
    for name, least in (("style.line", 6), ("style.shading", 6), ("camera.transition", 8), ("vfx.light", 6)):
        assert len({value for field, value in seen if field == name}) >= least, name
    for one in first.shots:
        for field, variable in look_of(one).items():
            for span in variable.spans:
                assert 0 <= span.start < span.end <= one.n_frames, field


def test_dress_keeps_motion_camera_and_effects_it_finds():
    has = shot(40, effects=Effects(lines=(("focus", 3, 9),), impacts=(("mono", 12, 14),)))
    for seed in range(12):
        done = dress(np.random.default_rng(seed), has)
        assert (done.camera, done.acting, done.n_frames) == (has.camera, has.acting, has.n_frames)
        assert done.effects.impacts == has.effects.impacts and done.effects.lines == has.effects.lines


def test_joined_shots_agree_at_their_joints():
    shots = join(np.random.default_rng(4), [shot(30)] * 30)
    for before, after in itertools.pairwise(shots):
        if "dissolve" in (before.out[0], after.into[0]) or "wipe" in (before.out[0], after.into[0]):
            assert before.out == after.into
    assert {one.out[0] for one in shots} >= {"none", "wipe"}
