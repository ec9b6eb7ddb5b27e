"""The look and VFX half of a drawn shot's record: style, focus, matte, transitions, vfx and flashing, from the script.

`look_of(shot)` speaks of the script alone, so it is the truth of any hand that draws what the script says. What the
script does not decide is left out.
"""

from __future__ import annotations

from anicaption.drawn.composite import RECOLOURING
from anicaption.drawn.script import SHARED_JOINTS, UNPAINTED, Shot
from anicaption.drawn.stated import spanned, whole
from anicaption.record import Variable, drawn

_AT_ENDS = {
    "fade_black": ("fade_in_black", "fade_out_black"), "fade_white": ("fade_in_white", "fade_out_white"),
    "dissolve": ("dissolve_in", "dissolve_out"), "wipe": ("wipe_in", "wipe_out"), "iris": ("iris_in", "iris_out"),
    "whip": ("whip_in", "whip_out"),
}  # fmt: skip
_CLEAN_SHARE = 0.6  # of a shot's frames must show the graded picture
WINDOW_FRAMES = 24  # about a second of film
MOST_FLASHES = 3  # in a window


def look_of(shot: Shot) -> dict[str, Variable]:
    """Field id -> variable of the fields that this half owns."""
    return _style(shot) | _colour(shot) | _camera(shot) | _vfx(shot) | _content(shot)


def _style(shot: Shot) -> dict[str, Variable]:
    look, figure = shot.look, shot.acting is not None
    painted = look.stage not in UNPAINTED
    values = {
        "style.medium": look.medium,
        "style.production_stage": look.stage,
        "style.color_script": shot.place.light if painted else "na",
        "style.background_art": shot.place.art if painted else "blank",
        "style.shading": (look.shading if painted else "no_shadow") if figure else "na",
    }
    if figure:
        values["style.line"] = {"line_douga": "thin_uniform", "rough_genga": "rough"}.get(look.stage, look.line)
    elif painted and shot.place.art != "drawn_cel":
        values["style.line"] = "lineless"
    return {name: drawn(name, [value]) for name, value in values.items()}


def _colour(shot: Shot) -> dict[str, Variable]:
    look = shot.look
    if look.stage in UNPAINTED:
        values = {"chroma": "monochrome", "key": "high", "temperature": "na", "hues": "na"}
    elif look.graded and len(_clean_frames(shot)) >= _CLEAN_SHARE * shot.n_frames:
        grey = look.chroma == "monochrome"
        values = {
            "chroma": look.chroma, "key": look.key, "temperature": "na" if grey else look.temperature,
            "hues": "na" if grey else look.hues,
        }  # fmt: skip
    else:
        return {}
    return {f"style.{name}": drawn(f"style.{name}", [value]) for name, value in values.items()}


def _clean_frames(shot: Shot) -> set[int]:
    """Frames of the shot that show the picture as it was graded."""
    effects = shot.effects
    covered = [(start, end) for kind, start, end in effects.composite if kind in RECOLOURING]
    covered += [(start, end) for _, start, end in (*effects.impacts, *effects.lines, *effects.elements)]
    covered += [(start, end) for kind, _, start, end in effects.text if kind in ("title_card", "credits")]
    covered += [(start, end) for _, start, end in transition_spans(shot)]
    return set(range(shot.n_frames)).difference(*(range(start, end) for start, end in covered))


def _camera(shot: Shot) -> dict[str, Variable]:
    focus = shot.look.focus
    if focus == "deep" and shot.place.blur:
        focus = "bg_blur"
    above, beside = shot.look.border
    matte = {(0, 0): "none", (1, 0): "letterbox", (0, 1): "pillarbox", (1, 1): "windowbox"}[above > 0, beside > 0]
    return {
        "camera.focus": whole(shot, "camera.focus", focus),
        "camera.matte": drawn("camera.matte", [matte]),
        "camera.transition": spanned(shot, "camera.transition", transition_spans(shot)),
    }


def transition_spans(shot: Shot) -> list[tuple[str, int, int]]:
    """Values of camera.transition with their frames of the shot; a shared transition has its half of the frames."""
    n, spans = shot.n_frames, []
    kind, length = shot.into
    if kind != "none":
        spans.append((_AT_ENDS[kind][0], 0, length - length // 2 if kind in SHARED_JOINTS else length))
    kind, length = shot.out
    if kind != "none":
        spans.append((_AT_ENDS[kind][1], n - (length // 2 if kind in SHARED_JOINTS else length), n))
    return [span for span in spans if span[1] < span[2]]


def _vfx(shot: Shot) -> dict[str, Variable]:
    effects, n = shot.effects, shot.n_frames
    composite = [*effects.composite]
    if shot.look.medium == "analog_cel":
        composite.append(("film_grain", 0, n))  # film has grain, whoever put it there
    lit = shot.look.stage == "final_composite" and effects.light
    return {
        "vfx.lines": spanned(shot, "vfx.lines", effects.lines),
        "vfx.impact_frame": spanned(shot, "vfx.impact_frame", effects.impacts),
        "vfx.light": whole(shot, "vfx.light", *(effects.light if lit else ("none",))),
        "vfx.element": spanned(shot, "vfx.element", effects.elements),
        "vfx.manpu": spanned(shot, "vfx.manpu", effects.manpu),
        "vfx.text": spanned(shot, "vfx.text", [(kind, start, end) for kind, _, start, end in effects.text]),
        "vfx.composite": spanned(shot, "vfx.composite", composite),
    }


def _content(shot: Shot) -> dict[str, Variable]:
    flashing = flashing_spans(shot)
    if flashing is None:
        return {}
    return {"content.flashing": spanned(shot, "content.flashing", [("flashing", a, b) for a, b in flashing])}


def flashing_spans(shot: Shot) -> list[tuple[int, int]] | None:
    """Frames in which the shot flashes more than three times a second; None where the script does not decide it.

    After WCAG 2.3.1 a flash is a pair of opposing changes of luminance: white after black is one rise, whatever lies
    between them, and white on paper is no change. What a negative or a drawing of few colours does to the luminance
    depends on the picture, so with many of those the script cannot say.
    """
    lights = {"picture": 1 if shot.look.stage in UNPAINTED else 0, "white_flash": 1, "black_flash": -1}
    shown = ["picture"] * shot.n_frames
    for kind, start, end in shot.effects.impacts:
        for frame in range(max(0, start), min(end, shot.n_frames)):
            shown[frame] = kind
    certain, possible, sense = [], [], 0  # frames of opposing changes; of changes that may be opposing
    for frame in range(1, shot.n_frames):
        before, now = shown[frame - 1], shown[frame]
        if before == now:
            continue
        if before not in lights or now not in lights:
            possible.append(frame)
            continue
        way = (lights[now] > lights[before]) - (lights[now] < lights[before])
        if way not in (0, sense):
            certain.append(frame)
            sense = way
    spans: list[tuple[int, int]] = []
    for i, start in enumerate(certain):
        inside = [frame for frame in certain[i:] if frame < start + WINDOW_FRAMES]
        if len(inside) // 2 > MOST_FLASHES:
            if spans and start <= spans[-1][1]:
                spans[-1] = (spans[-1][0], max(inside[-1], spans[-1][1]))
            else:
                spans.append((start, inside[-1]))
    changes = sorted(certain + possible)
    most = max((sum(start <= frame < start + WINDOW_FRAMES for frame in changes) for start in changes), default=0)
    doubtful = bool(possible) and most // 2 > MOST_FLASHES
    return None if doubtful and not spans else spans
