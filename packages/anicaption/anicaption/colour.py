"""What the numbers of a picture mean: matrix, range, primaries and transfer, as tagged and as used. No pixels here.

Codes are those of ITU-T H.273, which containers and codecs share. A tag may be missing or wrong; what is then used is
a rule, and both stay on record. The rules (docs/decisions/0014-colour-and-time.md says why):

    nothing tagged, picture of high definition        BT.709
    nothing tagged, standard definition               BT.601
    nothing tagged, but wide primaries or HDR         BT.2020
    BT.601 tagged on high definition, and not both    BT.709: encoders leave that tag on what they upscale or cut
    primaries and transfer tagged BT.601 as well
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

MATRICES = {0: "rgb", 1: "bt709", 2: "", 4: "fcc", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "ycgco",
            9: "bt2020nc", 10: "bt2020c", 14: "ictcp"}  # fmt: skip
PRIMARIES = {1: "bt709", 2: "", 4: "bt470m", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "film", 9: "bt2020",
             10: "smpte428", 11: "smpte431", 12: "smpte432", 22: "ebu3213"}  # fmt: skip
TRANSFERS = {1: "bt709", 2: "", 4: "gamma22", 5: "gamma28", 6: "smpte170m", 7: "smpte240m", 8: "linear", 9: "log100",
             10: "log316", 11: "xvycc", 12: "bt1361e", 13: "srgb", 14: "bt2020-10", 15: "bt2020-12", 16: "pq",
             17: "smpte428", 18: "hlg"}  # fmt: skip
RANGES = {0: "", 1: "limited", 2: "full"}

SD_601 = ("bt470bg", "smpte170m")
USED = {"rgb": "rgb", "bt709": "bt709", "fcc": "fcc", "bt470bg": "bt601", "smpte170m": "bt601",
        "smpte240m": "smpte240m", "bt2020nc": "bt2020"}  # fmt: skip


@dataclass(frozen=True)
class Colour:
    """Colours of a stream: `_declared` is the tag ("" where there is none), `_used` what pictures are made with."""

    matrix_declared: str
    matrix_used: str
    range_declared: str
    range_used: str
    primaries_declared: str
    primaries_used: str
    transfer_declared: str
    transfer_used: str
    why: str  # how the used came from the declared
    doubt: str  # "" where tag and geometry agree

    @property
    def hdr(self) -> bool:
        """Whether brightness above paper white is coded, so that a clip needs a tone map."""
        return self.transfer_used in ("pq", "hlg")

    @property
    def wide(self) -> bool:
        """Whether colours lie outside BT.709 by more than the makers of SD and HD sets ever minded."""
        return self.primaries_used in ("bt2020", "smpte431", "smpte432")


@lru_cache(maxsize=256)
def colour_of(
    matrix: int, primaries: int, transfer: int, range_: int, width_px: int, height_px: int, pix_fmt: str
) -> Colour:
    """Decide how to read pictures of this size and format with these H.273 codes.

    Raises ValueError where the matrix is one that cannot be read.
    """
    declared = MATRICES.get(matrix, str(matrix))
    tagged_primaries, tagged_transfer = PRIMARIES.get(primaries, str(primaries)), TRANSFERS.get(transfer, str(transfer))
    used, why, doubt = _matrix(declared, tagged_primaries, tagged_transfer, width_px, height_px, pix_fmt)
    high = used in ("bt709", "rgb")
    return Colour(
        matrix_declared=declared,
        matrix_used=used,
        range_declared=RANGES.get(range_, ""),
        range_used=_range(RANGES.get(range_, ""), used, pix_fmt),
        primaries_declared=tagged_primaries,
        primaries_used=tagged_primaries or ("bt2020" if used == "bt2020" else "bt709" if high else "smpte170m"),
        transfer_declared=tagged_transfer,
        transfer_used=tagged_transfer or "bt709",
        why=why,
        doubt=doubt,
    )


def is_high_definition(width_px: int, height_px: int) -> bool:
    """Larger than any picture that BT.601 is made for (PAL's 576 rows)."""
    return width_px >= 1280 or height_px > 576


def _matrix(
    declared: str, primaries: str, transfer: str, width_px: int, height_px: int, pix_fmt: str
) -> tuple[str, str, str]:
    """The matrix to use, why, and what remains doubtful."""
    size = f"{width_px}x{height_px}"
    if pix_fmt.startswith(("gbr", "rgb", "bgr", "argb", "abgr", "pal8", "0rgb", "0bgr")) or pix_fmt == "gray":
        return "rgb" if pix_fmt != "gray" else "bt709", f"{pix_fmt} needs none", ""
    high = is_high_definition(width_px, height_px)
    if declared in ("", "rgb"):  # "rgb" on a YUV picture is a slip of the pen: 0 where 2 was meant
        if primaries == "bt2020" or transfer in ("pq", "hlg"):
            return "bt2020", "not tagged; wide primaries or HDR use BT.2020", ""
        used = "bt709" if high else "bt601"
        return used, f"not tagged; {size} is {'high' if high else 'standard'} definition", ""
    if declared in SD_601 and high:
        if primaries in SD_601 and transfer in (*SD_601, "gamma28"):
            return "bt601", "tagged, in all three tags", f"{declared} is unusual at {size}"
        return (
            "bt709",
            f"{declared} is tagged, but {size} is high definition and not all tags say so",
            (f"{declared} may be right"),
        )
    if declared not in USED:
        raise ValueError(f"matrix {declared} cannot be read; convert the file to BT.709 first")
    doubt = f"bt709 is unusual at {size}" if declared == "bt709" and not high and height_px in (480, 486, 576) else ""
    return USED[declared], "tagged", doubt


def _range(declared: str, matrix: str, pix_fmt: str) -> str:
    if matrix == "rgb" or pix_fmt.startswith("yuvj"):
        return "full"
    return declared or "limited"
