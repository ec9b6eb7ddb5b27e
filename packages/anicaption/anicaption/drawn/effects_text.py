"""Words in the picture: titles and drawn sounds, in place on RGB frames."""

from __future__ import annotations

import cv2
import numpy as np

from anicaption.drawn.ink import over


def draw_text(frame: np.ndarray, kind: str, words: str, text_x: float, seed: int) -> None:
    """A title in the middle, or an onomatopoeia drawn large and slanted, in place."""
    height, width = frame.shape[:2]
    font = cv2.FontFace("uni")
    if kind == "title_card":
        lines = words.split("\n")
        for i, line in enumerate(lines):
            size = round(height * (0.105 if i == 0 else 0.05))
            y = round(height * (0.52 + 0.11 * i))
            _x0, _y0, w, _ = cv2.getTextSize((0, 0), line, (0, 0), font, size, 700)
            x = (width - w) // 2
            reach = max(1, height // 240)
            for dx, dy in ((reach, reach), (-reach, 0), (reach, 0), (0, -reach), (0, 2 * reach)):
                cv2.putText(frame, line, (x + dx, y + dy), (30, 26, 60), font, size, 700)
            cv2.putText(frame, line, (x, y), (255, 255, 255), font, size, 700)
        return
    rng = np.random.default_rng(seed)
    size = round(height * min(0.24, 0.62 / len(words)))
    pad = size * 2
    sheet = np.zeros((size * 2, pad + size * len(words), 4), np.uint8)
    for reach, rgb in ((size // 9, (255, 255, 255)), (size // 24, (30, 22, 40)), (0, (250, 206, 60))):
        mask = np.zeros((*sheet.shape[:2], 3), np.uint8)
        cv2.putText(mask, words, (size // 2, round(size * 1.4)), (255, 255, 255), font, size, 900)
        flat = np.ascontiguousarray(mask[..., 0])
        if reach:
            flat = cv2.dilate(flat, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1)))
        keep = 255 - flat
        for c, value in enumerate((*rgb, 255)):
            sheet[..., c] = cv2.add(
                cv2.multiply(sheet[..., c].copy(), keep, scale=1 / 255), cv2.convertScaleAbs(flat, alpha=value / 255)
            )
    angle = rng.uniform(-16, -6)
    place = (text_x, rng.uniform(0.0, 0.08) if rng.random() < 0.5 else rng.uniform(0.28, 0.36))
    turn = cv2.getRotationMatrix2D((0, 0), angle, 1.0)
    turn[:, 2] += [place[0] * width, place[1] * height + size * 0.4]
    over(frame, cv2.warpAffine(sheet, turn, (width, height), flags=cv2.INTER_LINEAR))
