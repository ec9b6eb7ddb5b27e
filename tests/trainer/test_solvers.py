"""Solvers against a flow whose path is known: data N(0, 1/4), where x at s = 0 is half the noise it began with."""

import pytest
import torch
from animatrix_trainer.config import Guidance
from animatrix_trainer.solvers import solver


def error(name, steps, shift=3.0):
    x = start = torch.randn(512, 1, 1, 1, 1, generator=torch.Generator().manual_seed(0))
    way = solver(Guidance(steps=steps, solver=name, shift=shift))
    assert len(way.shares) == steps and way.shares[0] == pytest.approx(1, abs=1e-4)
    assert list(way.shares) == sorted(way.shares, reverse=True)
    for at, s in enumerate(way.shares):
        clean, both = 0.25 * (1 - s), 0.25 * (1 - s) ** 2 + s**2
        x = way.step(at, x, (s - clean) * x / both)
    return float((x - start / 2).abs().mean())


@pytest.mark.parametrize(("name", "order", "most"), [("euler", 1.6, 0.08), ("unipc", 3.0, 0.03)])
def test_more_steps_come_nearer(name, order, most):
    few, many = error(name, 8), error(name, 16)
    assert many < most and few > order * many


def test_unipc_is_nearer_than_euler_at_equal_steps():
    assert error("unipc", 16) < error("euler", 16) / 2


def test_the_network_is_asked_at_shifted_shares():
    shares = solver(Guidance(steps=4, solver="euler", shift=3.0)).shares
    assert shares == pytest.approx((1, 0.9, 0.75, 0.5))
