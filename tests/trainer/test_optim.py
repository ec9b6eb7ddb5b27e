import pytest
import torch
from animatrix_trainer import optim
from animatrix_trainer.config import Optim, Stage
from torch import nn


def test_half_precision_weights_are_refused():
    model = nn.Linear(2, 2, dtype=torch.bfloat16)
    with pytest.raises(ValueError, match="fp32 weights"):
        optim.adamw(model, Optim())


def test_matrices_decay_and_tables_norms_and_biases_do_not():
    model = nn.Sequential(nn.Embedding(3, 4), nn.Linear(4, 5), nn.LayerNorm(5))
    decay, keep = optim.adamw(model, Optim(weight_decay=0.1)).param_groups
    assert decay["weight_decay"] == 0.1 and [id(w) for w in decay["params"]] == [id(model[1].weight)]
    assert keep["weight_decay"] == 0.0 and len(keep["params"]) == 4


def test_what_does_not_ask_for_a_gradient_is_not_moved_and_no_group_is_empty():
    model = nn.Linear(2, 2)
    model.weight.requires_grad_(False)
    (group,) = optim.adamw(model, Optim()).param_groups
    assert [id(weight) for weight in group["params"]] == [id(model.bias)]


def test_the_learning_rate_warms_up_and_ends_low():
    stage = Stage("only", steps=100, lr=1.0, warmup_steps=10, final_lr=0.1)
    rates = [optim.learning_rate(step, stage) for step in range(101)]
    assert rates[0] == 0.1 and rates[9] == rates[10] == 1.0
    assert rates[100] == pytest.approx(0.1) and rates[10:] == sorted(rates[10:], reverse=True)


def test_state_begun_early_is_the_state_that_adamw_begins_with():
    """Moments are allocated before the first step; the steps themselves are those of torch's AdamW."""
    models = []
    for early in (True, False):
        torch.manual_seed(0)
        model = nn.Linear(3, 3)
        adamw = optim.adamw(model, Optim())
        if early:
            optim.begin(adamw, list(model.parameters()), average=True)
        for group in adamw.param_groups:
            group["lr"] = 0.1
        for _ in range(3):
            model(torch.ones(2, 3)).square().sum().backward()
            adamw.step()
            adamw.zero_grad()
        models.append(model)
    assert torch.equal(models[0].weight, models[1].weight) and torch.equal(models[0].bias, models[1].bias)


def test_the_average_follows_quickly_at_first():
    weight = nn.Parameter(torch.zeros(3))
    adamw = torch.optim.AdamW([weight])
    optim.begin(adamw, [weight], average=True)
    with torch.no_grad():
        weight += 1
    optim.average(adamw, [weight], optim.ema_decay(0.99, 0))
    torch.testing.assert_close(adamw.state[weight][optim.AVERAGE], torch.full((3,), 0.9))
    for updates in range(1, 2000):
        optim.average(adamw, [weight], optim.ema_decay(0.99, updates))
    torch.testing.assert_close(adamw.state[weight][optim.AVERAGE], torch.ones(3))
    assert optim.ema_decay(0.99, 10**6) == 0.99
