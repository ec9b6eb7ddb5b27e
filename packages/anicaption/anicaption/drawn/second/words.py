"""Words of the second hand: sound words cut from tape, plain captions, subtitles, logos, credits, signs."""

from __future__ import annotations

import cv2
import numpy as np

TEXTS = ("onomatopoeia", "title_card", "diegetic", "subtitle", "watermark", "credits")


class Words:
    """Lettering on frames of `height` by `width` pixels; every entry of the script is set once and kept."""

    def __init__(self, height: int, width: int, text_x: float, seed: int) -> None:
        self.height, self.width, self.text_x, self.seed = height, width, text_x, seed
        self._set: dict[tuple, tuple[np.ndarray, int, int]] = {}
        self._font = cv2.FontFace("uni")

    def write(self, picture: np.ndarray, kind: str, words: str, along: float) -> None:
        """The entry onto `picture` in place; `along` (0..1) is how much of its time has passed."""
        if kind == "credits":
            self._roll(picture, words, along)
            return
        cel = self.setting(kind, words)
        _, x, y = self._set[kind, words]
        _over(picture, cel, x, y)

    def setting(self, kind: str, words: str) -> np.ndarray:
        """The premultiplied cel (H, W, 4) of an entry."""
        if (kind, words) not in self._set:
            cel, x, y = self._setting(kind, words)
            room = round(0.9 * self.width)
            if cel.shape[1] > room:
                fitted = cv2.resize(cel, (room, cel.shape[0] * room // cel.shape[1]), interpolation=cv2.INTER_AREA)
                cel, x, y = fitted, (self.width - room) // 2, y + cel.shape[0] - fitted.shape[0]
            self._set[kind, words] = cel, x, y
        return self._set[kind, words][0]

    def _line(self, words: str, size: int, weight: int, rgb, rim=(0, 0, 0), rim_px: int = 0) -> np.ndarray:
        """One line of text as a premultiplied cel (H, W, 4) with an even rim."""
        _, _, w, _ = cv2.getTextSize((0, 0), words, (0, 0), self._font, size, weight)
        pad = rim_px + size // 4 + 2
        sheet = np.zeros((int(size * 1.5) + 2 * pad, w + 2 * pad, 3), np.uint8)
        cv2.putText(sheet, words, (pad, pad + round(size * 1.1)), (255, 255, 255), self._font, size, weight)
        mask = np.ascontiguousarray(sheet[..., 0])
        cel = cv2.merge([cv2.convertScaleAbs(mask, alpha=c / 255) for c in rgb] + [mask])
        if rim_px:
            wide = cv2.dilate(mask, np.ones((2 * rim_px + 1, 2 * rim_px + 1), np.uint8))
            under = cv2.merge([cv2.convertScaleAbs(wide, alpha=c / 255) for c in rim] + [wide])
            keep = cv2.merge([255 - mask] * 4)
            cel = cv2.add(cv2.multiply(under, keep, scale=1 / 255), cel)
        return cel

    def _setting(self, kind: str, words: str) -> tuple[np.ndarray, int, int]:
        h, w = self.height, self.width
        if kind == "onomatopoeia":
            return self._sound(words)
        if kind == "title_card":
            lines = words.split("\n")
            cels = [
                self._line(
                    s, round(h * (0.086 if i == 0 else 0.045)), 400, (250, 246, 232), (44, 36, 48), max(1, h // 300)
                )
                for i, s in enumerate(lines)
            ]
            wide = max(c.shape[1] for c in cels)
            tall = sum(c.shape[0] for c in cels) + h // 40
            sheet = np.zeros((tall, wide, 4), np.uint8)
            y = 0
            for i, cel in enumerate(cels):  # ranged left over a rule, low in the frame
                sheet[y : y + cel.shape[0], : cel.shape[1]] = cv2.add(sheet[y : y + cel.shape[0], : cel.shape[1]], cel)
                y += cel.shape[0]
                if i == 0:
                    sheet[y - h // 60 : y - h // 60 + max(1, h // 180)] = (250, 246, 232, 255)
            return sheet, round(0.09 * w), round(0.60 * h)
        if kind == "subtitle":
            lines = words.split("\n")
            cels = [self._line(s, round(0.052 * h), 600, (255, 232, 90), (10, 10, 10), max(1, h // 180)) for s in lines]
            wide, tall = max(c.shape[1] for c in cels), sum(c.shape[0] for c in cels)
            sheet = np.zeros((tall, wide, 4), np.uint8)
            y = 0
            for cel in cels:
                x = (wide - cel.shape[1]) // 2
                sheet[y : y + cel.shape[0], x : x + cel.shape[1]] = cel
                y += cel.shape[0]
            return sheet, (w - wide) // 2, round(0.965 * h) - tall
        if kind == "watermark":
            cel = self._line(words, round(0.042 * h), 800, (255, 255, 255), (60, 60, 60), max(1, h // 400))
            return cv2.convertScaleAbs(cel, alpha=0.5), w - cel.shape[1] - round(0.02 * w), round(0.02 * h)
        if kind == "diegetic":
            cel = self._line(words, round(0.06 * h), 700, (250, 240, 220))
            tall, wide = cel.shape[:2]
            board = np.zeros((tall + h // 24, wide + h // 16, 4), np.uint8)
            board[:] = (72, 54, 48, 255)
            edge = max(1, h // 180)
            board[edge:-edge, edge:-edge] = (150, 70, 56, 255)
            _over_cel(board, cel, h // 32, h // 48)
            return board, round(0.06 * w), round(0.22 * h)
        raise ValueError(f"drawn.second.words: {kind!r} is not one of {', '.join(TEXTS)}")

    def _sound(self, words: str) -> tuple[np.ndarray, int, int]:
        """Letters one by one, tilted this way and that, on torn white tape."""
        h, w = self.height, self.width
        rng = np.random.default_rng([self.seed, 0x7])
        size = round(h * min(0.22, 0.66 / max(2, len(words))))
        sheet = np.zeros((size * 3, size * (len(words) + 2), 4), np.uint8)
        for i, letter in enumerate(words):
            cel = self._line(letter, size, 900, (206, 54, 44), (250, 244, 228), max(2, size // 7))
            turn = cv2.getRotationMatrix2D((cel.shape[1] / 2, cel.shape[0] / 2), float(rng.uniform(-18, 18)), 1.0)
            cel = cv2.warpAffine(cel, turn, cel.shape[1::-1], flags=cv2.INTER_LINEAR)
            _over_cel(sheet, cel, round(size * (0.15 + 0.92 * i)), round(size * (0.45 + rng.uniform(-0.22, 0.22))))
        wide = round(size * (0.92 * len(words) + 0.8))
        return sheet, max(0, min(round(self.text_x * w), w - wide)), round(rng.choice([0.0, 0.30]) * h)

    def _roll(self, picture: np.ndarray, words: str, along: float) -> None:
        """Credits that climb in the right third."""
        h, w = self.height, self.width
        lines = words.split("\n")
        pitch = round(0.075 * h)
        y = h - along * (h + pitch * len(lines)) if len(lines) > 3 else 0.5 * h - pitch * len(lines) / 2
        for i, line in enumerate(lines):
            if ("credits", line) not in self._set and line:
                self._set["credits", line] = (
                    self._line(line, round(0.04 * h), 400, (248, 246, 240), (30, 28, 36), max(1, h // 360)),
                    0,
                    0,
                )
            top = round(y + i * pitch)
            if line and -pitch < top < h:
                cel = self._set["credits", line][0]
                _over(picture, cel, round(0.78 * w) - cel.shape[1] // 2, top)


def _clip(shape, cel: np.ndarray, x: int, y: int):
    x0, y0 = max(x, 0), max(y, 0)
    x1, y1 = min(x + cel.shape[1], shape[1]), min(y + cel.shape[0], shape[0])
    return None if x1 <= x0 or y1 <= y0 else (np.s_[y0:y1, x0:x1], cel[y0 - y : y1 - y, x0 - x : x1 - x])


def _over(picture: np.ndarray, cel: np.ndarray, x: int, y: int) -> None:
    if clipped := _clip(picture.shape, cel, x, y):
        where, part = clipped
        keep = cv2.merge([255 - part[..., 3]] * 3)
        picture[where] = cv2.add(
            cv2.multiply(np.ascontiguousarray(picture[where]), keep, scale=1 / 255), np.ascontiguousarray(part[..., :3])
        )


def _over_cel(below: np.ndarray, cel: np.ndarray, x: int, y: int) -> None:
    if clipped := _clip(below.shape, cel, x, y):
        where, part = clipped
        keep = cv2.merge([255 - part[..., 3]] * 4)
        below[where] = cv2.add(
            cv2.multiply(np.ascontiguousarray(below[where]), keep, scale=1 / 255), np.ascontiguousarray(part)
        )
