"""Clips whose pictures say their number: twelve blocks of black and white along the top, drawn with numpy.

Four blocks say which clip, eight which picture of it; a ball and a bar of ground make it look like something. What is
held repeats the picture, number and all.
"""

from fractions import Fraction
from pathlib import Path

import numpy as np
from anicaption.frames import FILM_RATE, encode_timed, write_video

WIDTH, HEIGHT = 320, 180
BLOCK = 24  # pixels; two left over on each side
LEFT, TOP = 16, 8
ID_BITS, NUMBER_BITS = 4, 8


def picture(clip: int, number: int, n: int, flash: bool = False) -> np.ndarray:
    """RGB uint8 (180, 320, 3) that says `clip` and `number`."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    made = np.stack([150 - rows // 3, 170 - rows // 3, 190 - rows // 4], -1).astype(np.uint8)
    made[HEIGHT - 40 :] = (96, 120, 88)
    x, y = 30 + 260 * number / max(1, n - 1), HEIGHT - 62 - 50 * abs(np.sin(number / 3))
    ball = (columns - x) ** 2 + (rows - y) ** 2 < 22**2
    made[ball] = (200, 80, 60) if clip % 2 else (70, 90, 200)
    made[((columns - x) ** 2 + (rows - y) ** 2 < 25**2) & ~ball] = (20, 20, 24)
    if flash:
        made[50:] = 255 if number % 4 < 2 else 0
    bits = [clip >> bit & 1 for bit in range(ID_BITS)] + [number >> bit & 1 for bit in range(NUMBER_BITS)]
    for place, bit in enumerate(bits):
        made[TOP : TOP + BLOCK, LEFT + place * BLOCK : LEFT + (place + 1) * BLOCK] = 255 * bit
    return made


def film(path: Path, clip: int, n: int, flash: bool = False) -> list[int]:
    """A clip of `n` pictures at 24000/1001, each shown once; returns the number each frame says."""
    write_video(path, (picture(clip, number, n, flash) for number in range(n)), FILM_RATE, crf=10)
    return list(range(n))


def held(path: Path, clip: int, holds: list[int], rate: Fraction = FILM_RATE) -> list[int]:
    """Every picture held for so many frames; a frame says the first frame of its drawing."""
    says = [sum(holds[:place]) for place, hold in enumerate(holds) for _ in range(hold)]
    write_video(path, (picture(clip, number, len(says)) for number in says), rate, crf=10)
    return says


def timed(path: Path, clip: int, stamps_ms: list[int]) -> list[int]:
    """A clip of variable rate: a picture at each of these times."""
    stamped = ((picture(clip, number, len(stamps_ms)), stamp) for number, stamp in enumerate(stamps_ms))
    path.write_bytes(encode_timed(stamped, Fraction(1, 1000), lambda _: None, crf=10).data)
    return list(range(len(stamps_ms)))


READ = """
({clip}) => {
  // What the canvas shows: the clip and the number that its blocks say, and the number beside the picture.
  const player = window.shownPlayer;
  const view = player.views().find((one) => clip === null || one.clip === clip) || player.views()[0];
  const {x, y, w, h} = view.rect;
  const bit = (place) => {
    const px = Math.round(x + (16 + (place + 0.5) * 24) / 320 * w), py = Math.round(y + 20 / 180 * h);
    return player.context.getImageData(px, py, 1, 1).data[1] > 127 ? 1 : 0;
  };
  let said = 0, number = 0;
  for (let i = 0; i < 4; i += 1) said |= bit(i) << i;
  for (let i = 0; i < 8; i += 1) number |= bit(4 + i) << i;
  return {clip: view.clip, said, number, index: player.shown.indices[view.clip], t: player.shown.t,
          badge: Number(document.querySelector(`[data-badge="${view.clip}"]`).dataset.index)};
}
"""
"""JavaScript that reads a canvas back; give it {clip: 0, 1 or null for whatever is shown}."""
