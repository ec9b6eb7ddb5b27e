"""Words in the picture: titles, drawn sounds, subtitles, credits, watermarks, and signs that stand in the scene."""

from __future__ import annotations

import cv2
import numpy as np

from anicaption.drawn.ink import Rgb, over

KINDS = ("onomatopoeia", "title_card", "diegetic", "subtitle", "watermark", "credits")
_CREDIT_PX = 0.062  # line height of credits, frame heights
_SIGN_ART = np.array([0.42, 0.20])  # size of a sign on the artwork, frame heights


class Lettering:
    """The texts of one shot. Each is lettered once and laid on every frame that it covers."""

    def __init__(self, height_px: int, width_px: int, text_x: float, seed: int) -> None:
        self.size, self.text_x, self.seed = (height_px, width_px), text_x, seed
        self._layers: dict[tuple[str, str], np.ndarray] = {}

    def write(self, frame: np.ndarray, kind: str, words: str, share: float) -> None:
        """Lay one text on the frame, in place; `share` (0..1) is how far its span is, for credits that roll."""
        if (kind, words) not in self._layers:
            self._layers[kind, words] = self._lettered(kind, words)
        layer = self._layers[kind, words]
        if kind != "credits":
            over(frame, layer)
            return
        height = self.size[0]
        top = round(share * (layer.shape[0] - height))
        over(frame, np.ascontiguousarray(layer[top : top + height]))

    def sign(self, frame: np.ndarray, words: str, to_frame: np.ndarray) -> None:
        """A sign board in the scene, in place; `to_frame` (2, 3) takes artwork to pixels of the frame."""
        if ("diegetic", words) not in self._layers:
            self._layers["diegetic", words] = self._board(words)
        board = self._layers["diegetic", words]
        rng = np.random.default_rng([self.seed, 61])
        corner = np.array([rng.choice([-0.72, 0.30]), rng.uniform(-0.32, -0.22)])
        scale = _SIGN_ART[0] / board.shape[1]
        to_artwork = np.array([[scale, 0.0, corner[0]], [0.0, scale, corner[1]]])
        matrix = np.column_stack(
            [to_frame[:, :2] @ to_artwork[:, :2], to_frame[:, :2] @ to_artwork[:, 2] + to_frame[:, 2]]
        )
        over(frame, cv2.warpAffine(board, matrix, (self.size[1], self.size[0]), flags=cv2.INTER_AREA))

    def _lettered(self, kind: str, words: str) -> np.ndarray:
        """The text as premultiplied RGBA on a sheet of the frame's size (credits: as long as the roll)."""
        height, width = self.size
        if kind == "onomatopoeia":
            return _sound(height, width, words, self.text_x, self.seed)
        if kind == "title_card":
            sheet = np.zeros((height, width, 4), np.uint8)
            reach = max(1, height // 240)
            shadows = ((reach, reach), (-reach, 0), (reach, 0), (0, -reach), (0, 2 * reach))
            for i, line in enumerate(words.split("\n")):
                size, y = round(height * (0.105 if i == 0 else 0.05)), round(height * (0.52 + 0.11 * i))
                for dx, dy in shadows:
                    _line(sheet, line, width / 2 + dx, y + dy, size, 700, (30, 26, 60))
                _line(sheet, line, width / 2, y, size, 700, (255, 255, 255))
            return sheet
        if kind == "subtitle":
            sheet = np.zeros((height, width, 4), np.uint8)
            lines = words.split("\n")
            size, reach = round(height * 0.058), max(1, round(height * 0.0045))
            for i, line in enumerate(lines):
                y = height * (0.945 - 0.072 * (len(lines) - 1 - i))
                for dx in (-reach, 0, reach):
                    for dy in (-reach, 0, reach):
                        _line(sheet, line, width / 2 + dx, y + dy, size, 600, (8, 8, 12))
                _line(sheet, line, width / 2, y, size, 600, (255, 255, 244))
            return sheet
        if kind == "watermark":
            sheet = np.zeros((height, width, 4), np.uint8)
            size = round(height * 0.05)
            right = np.random.default_rng([self.seed, 62]).random() < 0.7
            _line(sheet, words, width * (0.90 if right else 0.10), height * 0.085, size, 800, (255, 255, 255))
            return cv2.convertScaleAbs(sheet, alpha=0.55)
        if kind == "credits":
            lines = words.split("\n")
            step = height * _CREDIT_PX
            sheet = np.zeros((round(step * (len(lines) + 2)) + 2 * height, width, 4), np.uint8)
            for i, line in enumerate(lines):
                y = height + step * (i + 1)
                for dx, dy, tone in ((1, 1, (12, 12, 16)), (0, 0, (250, 250, 250))):
                    _line(sheet, line, width * 0.5 + dx, y + dy, round(height * 0.042), 500, tone)
            return sheet
        raise ValueError(f"drawn.effects_text: {kind!r} is not one of {', '.join(KINDS)}")

    def _board(self, words: str) -> np.ndarray:
        """A sign board with a frame, drawn larger than it will be seen."""
        height = self.size[0]
        rng = np.random.default_rng([self.seed, 63])
        wide, tall = np.rint(_SIGN_ART * height * 1.5).astype(int)
        paint: Rgb = ((214, 60, 56), (40, 96, 170), (246, 240, 226), (52, 120, 84))[int(rng.integers(4))]
        ink: Rgb = (40, 34, 48) if sum(paint) > 480 else (252, 248, 236)
        board = np.empty((tall, wide, 4), np.uint8)
        board[...] = (36, 30, 40, 255)
        edge = max(1, tall // 28)
        board[edge:-edge, edge:-edge] = (*paint, 255)
        board[2 * edge : 3 * edge, 2 * edge : -2 * edge] = (*ink, 255)
        board[-3 * edge : -2 * edge, 2 * edge : -2 * edge] = (*ink, 255)
        _line(board, words, wide / 2, tall * 0.66, round(min(tall * 0.5, wide * 0.84 / max(1, len(words)))), 800, ink)
        return board


def _line(sheet: np.ndarray, words: str, x: float, y: float, size: int, weight: int, rgb: Rgb) -> None:
    """One line of words centred on `x` with its base at `y`, on premultiplied RGBA in place; `size` in pixels."""
    if not words.strip():
        return
    font = cv2.FontFace("uni")
    _, _, wide, _ = cv2.getTextSize((0, 0), words, (0, 0), font, size, weight)
    height, width = sheet.shape[:2]
    top, bottom = max(0, int(y - 1.3 * size)), min(height, int(y + 0.5 * size) + 1)
    if bottom <= top:
        return
    mask = np.zeros((bottom - top, width, 3), np.uint8)
    cv2.putText(mask, words, (round(x - wide / 2), round(y) - top), (255, 255, 255), font, size, weight)
    share = np.ascontiguousarray(mask[..., 0])
    paint = cv2.merge([*(cv2.convertScaleAbs(share, alpha=c / 255) for c in rgb), share])
    keep = cv2.merge([cv2.bitwise_not(share)] * 4)
    sheet[top:bottom] = cv2.add(cv2.multiply(sheet[top:bottom].copy(), keep, scale=1 / 255), paint)


def _sound(height: int, width: int, words: str, text_x: float, seed: int) -> np.ndarray:
    """An onomatopoeia drawn large and slanted, in three layers of paint."""
    font = cv2.FontFace("uni")
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
    return cv2.warpAffine(sheet, turn, (width, height), flags=cv2.INTER_LINEAR)
