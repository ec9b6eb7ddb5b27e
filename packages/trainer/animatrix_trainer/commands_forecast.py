"""`animatrix-train forecast`: what a recipe will want of memory and what a step costs, before any device is touched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import tyro

from animatrix_trainer.config import Recipe


@dataclass(frozen=True)
class Forecast:
    """Say what each process of a run will want of memory, and refuse where it would not fit, with what would."""

    recipe: Annotated[Recipe, tyro.conf.arg(name="")]
    processes: int = 1
    """How many processes share the run, one a device."""
    memory_gib: float | None = None
    """Memory of each device, to be told whether it fits."""
    encoded: bool = False
    """Latents and texts come from `encode`: no text encoder and no codec on the devices, unless --samples are drawn."""

    def __call__(self) -> int:
        from animatrix_trainer import forecast

        encoded = self.encoded and not self.recipe.samples
        if self.memory_gib is None:
            found = forecast.forecast(self.recipe, self.processes, encoded)
        else:
            found = forecast.refuse(self.recipe, int(self.memory_gib * 2**30), self.processes, encoded)
        print(f"{found.text()}\n{forecast.costs(self.recipe)}")
        return 0
