"""From a decoder's numbers to pictures, once: RGB for measuring, 8-bit 4:2:0 BT.709 limited for clips.

One scaling step keeps the source's matrix; then one small matrix, exact to rounding. Going through 8-bit RGB twice, as
a player and an encoder would, costs up to 4 steps of 255 (docs/decisions/0014-colour-and-time.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Interpolation, VideoReformatter

from anicaption.colour import Colour
from anicaption.frames_planes import planes_of
from anicaption.tonemap import to_bt709

# Luma of red and blue: BT.601-7, BT.709-6, BT.2020-2, SMPTE 240M, FCC 73.682.
LUMA_RB = {
    "bt601": (0.299, 0.114),
    "bt709": (0.2126, 0.0722),
    "bt2020": (0.2627, 0.0593),
    "smpte240m": (0.212, 0.087),
    "fcc": (0.30, 0.11),
}
SWS_MATRIX = {"bt709": 1, "fcc": 4, "bt601": 5, "smpte240m": 7, "bt2020": 9, "rgb": 1}
RANGE = {"limited": ColorRange.MPEG, "full": ColorRange.JPEG}


@dataclass(frozen=True, eq=False)
class ClipPicture:
    """A picture as a clip codes it: Y (H, W) over U and V, as one uint8 array (H * 3 / 2, W); BT.709 limited."""

    i420: np.ndarray

    @property
    def width_px(self) -> int:
        return self.i420.shape[1]

    @property
    def height_px(self) -> int:
        return self.i420.shape[0] * 2 // 3

    def turned(self, quarters: int) -> ClipPicture:
        """Turned counter-clockwise by so many quarters."""
        if quarters % 4 == 0:
            return self
        y, u, v = (np.rot90(part, quarters) for part in _parts(self.i420))
        made = np.empty((y.shape[0] * 3 // 2, y.shape[1]), np.uint8)
        for part, plane in zip(_parts(made), (y, u, v)):
            part[...] = plane
        return ClipPicture(made)


class Converter:
    """Converts the pictures of one source. Its scalers are kept, since making one costs more than using it."""

    def __init__(self) -> None:
        self._scalers: dict[tuple[int, int, str], VideoReformatter] = {}

    def rgb(self, picture: VideoFrame, colour: Colour, peak_nits: float, width_px: int, height_px: int) -> np.ndarray:
        """RGB uint8 (H, W, 3) as a BT.709 screen shows it.

        At the size it was coded, a picture of 8 bits takes the library's fast road, true to 3 steps instead of 2.
        """
        if colour.hdr or colour.wide:
            return np.rint(255 * self._screen(picture, colour, peak_nits, width_px, height_px)).astype(np.uint8)
        same = (picture.width, picture.height) == (width_px, height_px) and picture.format.components[0].bits == 8
        if same or not _is_yuv(picture):
            return self._scaled(picture, colour, width_px, height_px, "rgb24").to_ndarray()
        if picture.format.components[0].bits == 8:
            scaled = self._scaled(picture, colour, width_px, height_px, "yuv444p")
            return cv2.transform(cv2.merge(planes_of(scaled)), rgb_of_yuv(colour.matrix_used, colour.range_used))
        scaled = self._scaled(picture, colour, width_px, height_px, "yuv444p10le")
        turn = rgb_of_yuv(colour.matrix_used, colour.range_used, 10)
        return cv2.convertScaleAbs(cv2.transform(cv2.merge(planes_of(scaled)), turn))

    def clip(self, picture: VideoFrame, colour: Colour, peak_nits: float, width_px: int, height_px: int) -> ClipPicture:
        """The picture as a clip of this even size codes it, in one conversion."""
        if colour.hdr or colour.wide:
            return i420_of_rgb(self._screen(picture, colour, peak_nits, width_px, height_px) * np.float32(255))
        if not _is_yuv(picture):
            return i420_of_rgb(self._scaled(picture, colour, width_px, height_px, "rgb24").to_ndarray())
        made = np.empty((height_px * 3 // 2, width_px), np.uint8)
        y, u, v = _parts(made)
        for part, plane in zip((y, u, v), planes_of(self._scaled(picture, colour, width_px, height_px, "yuv420p"))):
            part[...] = plane
        if colour.matrix_used != "bt709":
            _to_bt709(y, u, v, colour.matrix_used)
        return ClipPicture(made)

    def _screen(
        self, picture: VideoFrame, colour: Colour, peak_nits: float, width_px: int, height_px: int
    ) -> np.ndarray:
        if _is_yuv(picture):  # swscale's own way to 48 bits with whole chroma loses U and V below the middle
            scaled = self._scaled(picture, colour, width_px, height_px, "yuv444p16le")
            coded = cv2.transform(
                cv2.merge(planes_of(scaled)), rgb_of_yuv(colour.matrix_used, colour.range_used, 16) * 257
            )
        else:
            coded = self._scaled(picture, colour, width_px, height_px, "rgb48le").to_ndarray()
        return to_bt709(coded, colour.transfer_used, colour.primaries_used, peak_nits)

    def _scaled(self, picture: VideoFrame, colour: Colour, width_px: int, height_px: int, pix_fmt: str) -> VideoFrame:
        """Scaled in the matrix of the source; 4:2:0 for clips is limited, 4:4:4 has the source's range."""
        grows = width_px > picture.width or height_px > picture.height
        how = Interpolation.BICUBIC if grows else Interpolation.AREA
        if pix_fmt != "rgb24":
            how |= Interpolation.ACCURATE_RND
        to = {"yuv420p": ColorRange.MPEG, "rgb24": ColorRange.JPEG, "rgb48le": ColorRange.JPEG}.get(
            pix_fmt, RANGE[colour.range_used]
        )
        scaler = self._scalers.setdefault((width_px, height_px, pix_fmt), VideoReformatter())
        return scaler.reformat(
            picture,
            width=width_px,
            height=height_px,
            format=pix_fmt,
            interpolation=how,
            src_colorspace=SWS_MATRIX[colour.matrix_used],
            dst_colorspace=SWS_MATRIX[colour.matrix_used],
            src_color_range=RANGE[colour.range_used],
            dst_color_range=to,
            threads=1,
        )


@lru_cache(maxsize=32)
def rgb_of_yuv(matrix: str, range_: str, depth: int = 8) -> np.ndarray:
    """The 3 x 4 matrix from Y, U, V of so many bits to R, G, B of 8."""
    red, blue = LUMA_RB[matrix]
    green = 1 - red - blue
    of_ypp = np.array(
        [
            [1, 0, 2 * (1 - red)],
            [1, -2 * blue * (1 - blue) / green, -2 * red * (1 - red) / green],
            [1, 2 * (1 - blue), 0],
        ]
    )
    unit, top = 2 ** (depth - 8), 2**depth - 1
    limited = range_ == "limited"
    scale = np.array([255 / 219, 255 / 224, 255 / 224]) / unit if limited else np.full(3, 255 / top)
    turned = of_ypp * scale
    return np.hstack(
        [turned, turned @ np.array([[-16.0 * unit if limited else 0.0], [-128.0 * unit], [-128.0 * unit]])]
    )


@lru_cache(maxsize=8)
def _bt709_of_rgb() -> np.ndarray:
    turn = np.linalg.inv(rgb_of_yuv("bt709", "limited")[:, :3])
    return np.hstack([turn, [[16], [128], [128]]])


def i420_of_rgb(rgb: np.ndarray) -> ClipPicture:
    """RGB in 0..255 (H, W, 3), uint8 or float32, even sides, as a clip codes it; colour sited left as H.264 has it."""
    yuv = cv2.transform(rgb.astype(np.float32), _bt709_of_rgb())
    smooth = cv2.sepFilter2D(
        yuv[..., 1:], -1, np.array([0.25, 0.5, 0.25]), np.array([0.5, 0.5]), anchor=(1, 0),
        borderType=cv2.BORDER_REPLICATE,
    )[::2, ::2]  # fmt: skip
    made = np.empty((rgb.shape[0] * 3 // 2, rgb.shape[1]), np.uint8)
    y, u, v = _parts(made)
    y[...] = _rounded(yuv[..., 0])
    u[...], v[...] = _rounded(smooth[..., 0]), _rounded(smooth[..., 1])
    return ClipPicture(made)


def _to_bt709(y: np.ndarray, u: np.ndarray, v: np.ndarray, matrix: str) -> None:
    """Limited Y, U, V of another matrix as those of BT.709, in place. Grey is grey in both: Y only gains a share of
    U and V, and U and V mix among themselves, at their own size."""
    turn = _bt709_of_rgb()[:, :3] @ rgb_of_yuv(matrix, "limited")[:, :3]
    colours = cv2.merge([u, v]).astype(np.float32) - 128
    share = cv2.transform(colours, turn[:1, 1:])
    share = cv2.resize(share, (y.shape[1], y.shape[0]), interpolation=cv2.INTER_LINEAR)
    cv2.add(y, share, dst=y, dtype=cv2.CV_8U)
    mixed = _rounded(cv2.transform(colours, turn[1:, 1:]) + 128)
    u[...], v[...] = mixed[..., 0], mixed[..., 1]


def _parts(i420: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Views of Y, U and V."""
    height, width = i420.shape[0] * 2 // 3, i420.shape[1]
    colours = i420[height:].reshape(2, height // 2, width // 2)
    return i420[:height], colours[0], colours[1]


def _rounded(values: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _is_yuv(picture: VideoFrame) -> bool:
    return not picture.format.is_rgb and len(picture.format.components) >= 3
