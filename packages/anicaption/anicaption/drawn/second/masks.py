"""Faces of the second hand: an emotion as the shapes of lids, brows and mouth."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mask:
    """A face: `lids` is openness 0..1.25, `mouth` one of the shapes that head.py draws, `brow` > 0 frowns."""

    lids: float = 1.0
    mouth: str = "flat"  # flat, curve_up, curve_down, open, ring, teeth, wave
    gape: float = 0.0
    brow: float = 0.0
    raise_brow: float = 0.0
    cheeks: float = 0.0
    look: float = 0.0
    arched: bool = False


_MASKS = {
    "none": Mask(),
    "calm": Mask(mouth="curve_up"),
    "joy": Mask(mouth="open", gape=0.9, cheeks=0.7, arched=True),
    "anger": Mask(mouth="teeth", gape=0.6, brow=1.0, lids=0.8),
    "determination": Mask(brow=0.7, lids=0.85),
    "sadness": Mask(mouth="curve_down", brow=-0.8, lids=0.7),
    "surprise": Mask(mouth="ring", gape=0.7, lids=1.25, raise_brow=0.06),
    "embarrassment": Mask(mouth="wave", brow=-0.5, cheeks=1.0, look=-0.6),
    "smug": Mask(mouth="curve_up", brow=0.4, lids=0.55),
    "fear": Mask(mouth="wave", brow=-1.0, lids=1.2, raise_brow=0.05),
    "disgust": Mask(mouth="curve_down", brow=0.6, lids=0.5),
    "pain": Mask(mouth="teeth", gape=0.4, brow=-0.4, lids=0.1),
}


def mask_of(emotion: str) -> Mask:
    if emotion not in _MASKS:
        raise ValueError(f"drawn.second.acting: no face for {emotion!r}; there are {', '.join(_MASKS)}")
    return _MASKS[emotion]
