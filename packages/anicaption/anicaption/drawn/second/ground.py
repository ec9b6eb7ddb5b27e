"""What lies behind and before the puppets: painted sheets, plain grounds, scrolled lines, a ground drawn anew."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from anicaption.drawn import sheet as sheets
from anicaption.drawn.camera import Path
from anicaption.drawn.script import UNPAINTED, Shot
from anicaption.drawn.second.brush import blend, lay, scaled, superellipse
from anicaption.drawn.second.hangar import hangar
from anicaption.drawn.second.light import Light, light_of
from anicaption.drawn.second.paper import Box, Paper, Sheet
from anicaption.drawn.second.rushing import MARGIN, Gates, Strip
from anicaption.drawn.second.walls import SCENES

BACK_FACTOR, FRONT_FACTOR = 0.42, 2.0
_BLUR = 0.014  # of a ground out of focus, frame heights
ARTS = ("painted", "flat", "cg_set", "drawn_cel", "image_bg", "line_bg", "blank")


def chained(outer: np.ndarray, inner: np.ndarray) -> np.ndarray:
    """outer after inner, both (2, 3)."""
    return np.column_stack([outer[:, :2] @ inner[:, :2], outer[:, :2] @ inner[:, 2] + outer[:, 2]])


def put(
    picture: np.ndarray, image: np.ndarray, matrix: np.ndarray, soft_px: float = 0.0, mask: np.ndarray | None = None
) -> None:
    """`image` under `matrix` (pixel edges at whole numbers) onto `picture`, over it where it has alpha."""
    height, width = picture.shape[:2]
    clear = image.shape[2] == 4
    low, high = np.array([0, 0]), np.array([width, height])
    if clear:
        corners = np.array([[0, 0], [image.shape[1], 0], [image.shape[1], image.shape[0]], [0, image.shape[0]]])
        corners = corners @ matrix[:, :2].T + matrix[:, 2]
        pad = 1 + int(3 * soft_px)
        low = np.maximum(np.floor(corners.min(0)).astype(int) - pad, 0)
        high = np.minimum(np.ceil(corners.max(0)).astype(int) + pad, high)
        if (high <= low).any():
            return
    offset = matrix[:, :2] @ [0.5, 0.5] + matrix[:, 2] - 0.5 - low
    warp = np.column_stack([matrix[:, :2], offset])
    edge = cv2.BORDER_CONSTANT if clear else cv2.BORDER_REFLECT_101
    part = cv2.warpAffine(
        image, warp, (int(high[0] - low[0]), int(high[1] - low[1])), flags=cv2.INTER_LINEAR, borderMode=edge
    )
    if soft_px > 0.3:
        part = cv2.GaussianBlur(part, (0, 0), soft_px)
    if not clear:
        picture[...] = part
        return
    region = np.s_[low[1] : high[1], low[0] : high[0]]
    lay(picture[region], part)
    if mask is not None:
        cv2.max(mask[region], np.ascontiguousarray(part[..., 3]), dst=mask[region])


class Ground:
    """The planes of one shot."""

    def __init__(self, shot: Shot, path: Path, height_px: float) -> None:
        self.shot, self.path, self.height_px = shot, path, height_px
        self.light = light_of(shot.place.light)
        self.numbers = sheets.background_numbers(shot)
        if shot.place.art not in ARTS:
            raise ValueError(f"drawn.second.ground: background art {shot.place.art!r} is not one of {', '.join(ARTS)}")
        self._sheets, self._moving = [], None
        if shot.place.motion in ("line_scroll", "drawn_3d"):
            maker = Strip if shot.place.motion == "line_scroll" else Gates
            self._moving = maker(shot.place, self.light, height_px, path.aspect)
        elif shot.look.stage in UNPAINTED:
            self._sheets = [_bare(path, height_px)]
        else:
            self._sheets = self._painted()

    def key(self, frame: int) -> tuple:
        """What of the ground, the camera apart, makes a frame differ."""
        return self.numbers[frame], frame if self.shot.place.motion == "line_scroll" else 0

    def behind(self, picture: np.ndarray, frame: int) -> None:
        if self._moving is None:
            self._put(picture, frame, False)
            return
        # The frame and a margin around it, put where the camera's shake and tilt have it.
        image = self._moving.picture(frame, self.numbers[frame])
        half = np.array([self.path.aspect / 2 + MARGIN, 0.5 + MARGIN])
        to_artwork = np.column_stack([np.eye(2) / self.height_px, -half])
        put(picture, image, chained(self.path.affine(frame, 1.0, self.height_px), to_artwork))

    def before(self, picture: np.ndarray, frame: int) -> None:
        self._put(picture, frame, True)

    def _put(self, picture: np.ndarray, frame: int, in_front: bool) -> None:
        for one in self._sheets:
            if one.in_front == in_front:
                to_artwork = np.array([[1 / one.unit_px, 0, one.x0], [0, 1 / one.unit_px, one.y0]])
                put(picture, one.image, chained(self.path.affine(frame, one.factor, self.height_px), to_artwork))

    def _painted(self) -> list[Sheet]:
        place, light = self.shot.place, self.light
        unit_px = self.height_px * min(2.0, float(np.exp(self.path.smooth_T4[:, 2].max())))
        # The frame may turn and tremble: a little more is painted than it ever shows.
        boxes: dict[float, Box] = {}
        for factor in (1.0, BACK_FACTOR, FRONT_FACTOR):
            x0, y0, x1, y1 = self.path.extent(factor)
            boxes[factor] = (x0 - 0.04, y0 - 0.04, x1 + 0.04, y1 + 0.04)
        if place.art in ("image_bg", "line_bg", "blank", "cg_set"):
            paper = Paper(boxes[1.0], unit_px, False, place.seed, flat=True)
            if place.art == "cg_set":
                hangar(paper, light, place)
            else:
                _plain(paper, place.art, light, place.seed)
            sigma_px = _BLUR * unit_px if place.blur else 0.0013 * unit_px if place.art == "cg_set" else 0.0
            done = paper.sheet()
            return [replace(done, image=cv2.GaussianBlur(done.image, (0, 0), sigma_px)) if sigma_px else done]
        if place.kind not in SCENES:
            raise ValueError(f"drawn.second.ground: no scene {place.kind!r}; there are {', '.join(SCENES)}")
        layered, flat, inked = place.layering != "single_plane", place.art != "painted", place.art == "drawn_cel"
        main = Paper(boxes[1.0], unit_px, layered, place.seed, flat, inked)
        back = Paper(boxes[BACK_FACTOR], unit_px, False, place.seed + 1, flat, inked) if layered else main
        deep = place.layering == "multiplane_blur"  # the lens is near: one plane is sharp
        book = deep or place.layering == "book"
        front = Paper(boxes[FRONT_FACTOR], unit_px, True, place.seed + 2, flat, inked) if book else None
        SCENES[place.kind](back, main, front, light, place)
        done = [back.sheet(BACK_FACTOR)] if layered else []
        done.append(main.sheet())
        if place.blur:
            done = [replace(one, image=_soft(one.image, _BLUR * one.unit_px)) for one in done]
        elif deep:
            done[0] = replace(done[0], image=_soft(done[0].image, 0.02 * unit_px))
        if front is not None:
            one = front.sheet(FRONT_FACTOR, in_front=True)
            done.append(replace(one, image=_soft(one.image, (0.017 if deep else 0.008) * one.unit_px)))
        return done


def _soft(image: np.ndarray, sigma_px: float) -> np.ndarray:
    """Out of focus, as the box blurs of a compositing program do it: three passes."""
    size = max(1, round(1.1 * sigma_px)) * 2 + 1
    for _ in range(3):
        image = cv2.blur(image, (size, size), borderType=cv2.BORDER_REFLECT)
    return image


def _bare(path: Path, height_px: float) -> Sheet:
    """The animation paper of an unpainted shot, with its peg holes."""
    x0, y0, x1, y1 = path.extent(1.0)
    paper = Paper((x0 - 0.04, y0 - 0.04, x1 + 0.04, y1 + 0.04), height_px, False, 3, flat=True)
    paper.mass(paper.everything(), (247, 247, 245))
    for x, wide in ((-0.30, 0.055), (0.0, 0.018), (0.30, 0.055)):
        paper.patch(superellipse((x, -0.455), wide, 0.018, 5), (168, 168, 168))
    return paper.sheet()


def _plain(paper: Paper, art: str, light: Light, seed: int) -> None:
    """A ground without a place: patterns of feeling, lines only, or nothing."""
    rng = np.random.default_rng(seed)
    box = paper.everything()
    if art == "blank":
        paper.mass(box, (246, 243, 234) if rng.random() < 0.6 and not light.lamp else (22, 20, 28))
    elif art == "line_bg":  # the lines themselves are laid on by the finish
        paper.mass(box, (250, 246, 236) if seed % 2 else blend(light.sky[0], (20, 18, 34), 0.7))
    else:
        hue = ((226, 150, 140), (150, 190, 170), (214, 190, 120), (150, 150, 196))[int(rng.integers(4))]
        paper.mass(box, blend(hue, (255, 250, 240), 0.55), scaled(hue, (0.9, 0.9, 0.92)))
        for _ in range(int(22 * (paper.x1 - paper.x0))):
            x, y, r = rng.uniform(paper.x0, paper.x1), rng.uniform(paper.y0, paper.y1), rng.uniform(0.02, 0.11)
            tone = blend(hue, (255, 252, 244), float(rng.uniform(0.35, 0.9)))
            if rng.random() < 0.5:
                paper.disc(x, y, r, r, tone)
            else:
                paper.patch([(x - r, y), (x, y - r), (x + r, y), (x, y + r)], tone)
