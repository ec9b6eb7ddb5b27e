"""How a sampler walks from noise to a clip: Euler, or UniPC as Wan's own pipelines have it.

Legend as in flow.py.
"""

from __future__ import annotations

from typing import Any, Protocol

import torch

from animatrix_trainer import flow
from animatrix_trainer.config import Guidance


class Solver(Protocol):
    """`shares`: the noise share at which the network is asked, one a step."""

    shares: tuple[float, ...]

    def step(self, at: int, x_BCTHW: torch.Tensor, v_BCTHW: torch.Tensor) -> torch.Tensor: ...


class Euler:
    """x goes on by the velocity times the step in s."""

    def __init__(self, settings: Guidance) -> None:
        times = flow.schedule(settings.steps, settings.shift).tolist()
        self.shares, self.ends = tuple(times[:-1]), tuple(times[1:])

    def step(self, at: int, x_BCTHW: torch.Tensor, v_BCTHW: torch.Tensor) -> torch.Tensor:
        return x_BCTHW + (self.ends[at] - self.shares[at]) * v_BCTHW


class UniPC:
    """Second-order UniPC (Zhao et al. 2023) of diffusers, set as Wan's pipelines set it. Good for one sampling."""

    def __init__(self, settings: Guidance) -> None:
        from diffusers.schedulers.scheduling_unipc_multistep import UniPCMultistepScheduler

        self.scheduler: Any = UniPCMultistepScheduler(
            prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=settings.shift
        )
        self.scheduler.set_timesteps(settings.steps)
        self.shares = tuple(self.scheduler.sigmas[:-1].tolist())

    def step(self, at: int, x_BCTHW: torch.Tensor, v_BCTHW: torch.Tensor) -> torch.Tensor:
        return self.scheduler.step(v_BCTHW, self.scheduler.timesteps[at], x_BCTHW, return_dict=False)[0]


def solver(settings: Guidance) -> Solver:
    """The solver that the settings ask for, fresh for one sampling."""
    return {"euler": Euler, "unipc": UniPC}[settings.solver](settings)
