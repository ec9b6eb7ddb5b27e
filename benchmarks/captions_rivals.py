"""The simple rivals of the caption benchmark, each seeing the same frames as we do."""

from __future__ import annotations

from typing import ClassVar, Protocol

import numpy as np

Values = tuple[str, ...]


class Rival(Protocol):
    """Sees the frames of one shot, RGB uint8 (H, W, 3), and then says one field."""

    name: ClassVar[str]
    field: ClassVar[str]

    def see(self, rgb: np.ndarray) -> None: ...

    def answer(self) -> Values: ...


RIVALS: tuple[type[Rival], ...] = ()
