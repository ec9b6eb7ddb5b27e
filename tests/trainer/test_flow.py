from itertools import pairwise

import pytest
import torch
from animatrix_trainer import flow
from animatrix_trainer.config import Flow
from animatrix_trainer.model.denoise import velocity
from animatrix_trainer.model.given import Known, planes

SHAPE = (2, 3, 3, 4, 6)


def case():
    generator = torch.Generator().manual_seed(0)
    x, e = torch.randn(SHAPE, generator=generator), torch.randn(SHAPE, generator=generator)
    given = torch.tensor([[True, False, False], [False, False, False]])
    return x, e, torch.tensor([0.25, 0.9]), given


def test_noise_mixes_linearly_and_leaves_given_frames_clean():
    x, e, s, given = case()
    x_s = flow.add_noise(x, e, s, given)
    assert torch.equal(x_s[0, :, 0], x[0, :, 0])
    torch.testing.assert_close(x_s[0, :, 1:], 0.75 * x[0, :, 1:] + 0.25 * e[0, :, 1:])
    torch.testing.assert_close(x_s[1], 0.1 * x[1] + 0.9 * e[1])


def test_clip_and_velocity_say_the_same():
    x, e, s, _ = case()
    x_s = flow.add_noise(x, e, s, torch.zeros(2, 3, dtype=torch.bool))
    torch.testing.assert_close(flow.velocity_from_clip(x_s, x, s, 0.05), e - x)
    assert flow.velocity_from_clip(x_s, x, torch.zeros(2), 0.05).isfinite().all()


def test_given_frames_do_not_count_in_the_loss():
    x, e, _, given = case()
    spoilt = (e - x).clone()
    spoilt[0, :, 0] += 100
    assert flow.errors(spoilt, e - x, given).tolist() == [0, 0]
    spoilt[1, :, 0] += 1
    torch.testing.assert_close(flow.errors(spoilt, e - x, given), torch.tensor([0, 1 / 3]))


def test_shift_keeps_the_ends_and_moves_the_middle_towards_noise():
    s = flow.shifted(torch.tensor([0.0, 0.5, 1.0]), 3.0)
    torch.testing.assert_close(s, torch.tensor([0.0, 0.75, 1.0]))
    times = flow.schedule(4, 3.0)
    assert times[0] == 1 and times[-1] == 0 and (times.diff() < 0).all()
    shares = flow.logit_normal(torch.randn(1000, generator=torch.Generator().manual_seed(0)), 0.0, 1.0, 1.0)
    assert abs(float(shares.mean()) - 0.5) < 0.02 and shares.min() > 0 and shares.max() < 1


def test_euler_with_the_true_velocity_ends_at_the_clip():
    x, e, _, _ = case()
    at = e.clone()
    times = flow.schedule(7, 3.0)
    for s, s_next in pairwise(times):
        at = at + (s_next - s) * (e - x)
    torch.testing.assert_close(at, x, atol=1e-5, rtol=1e-5)


class Echo(torch.nn.Module):
    """Returns what it is given, so that the call itself can be looked at."""

    def forward(self, hidden_states, timestep, encoder_hidden_states, tags):
        self.seen = hidden_states, timestep
        return type("Out", (), {"sample": hidden_states[:, :3]})


def test_the_network_is_told_which_frame_is_given():
    x, _, s, given = case()
    model = Echo()
    velocity(model, x, s, Known(given, x), torch.zeros(2, 1, 4), torch.zeros(2, 1), Flow(given="timestep"), (1, 2, 2))
    assert model.seen[1].shape == (2, 18)
    torch.testing.assert_close(model.seen[1][0], torch.tensor([0.0] * 6 + [250.0] * 12))
    velocity(model, x, s, Known(given, x), torch.zeros(2, 1, 4), torch.zeros(2, 1), Flow(given="plane"), (1, 2, 2))
    hidden, timestep = model.seen
    assert hidden.shape == (2, 6, 3, 4, 6)
    torch.testing.assert_close(timestep, torch.tensor([250.0, 900.0]))
    told = planes(x, given)
    assert told[0, 0, 0].eq(1).all() and told[0, 0, 1:].eq(0).all() and told[1, 0].eq(0).all()
    assert told[0, 1, 0, 0, 0] == -1 and told[0, 2, 0, 0, -1] == 1


def test_a_network_that_predicts_the_clip_is_turned_into_velocity():
    x, _, s, given = case()
    v = velocity(
        Echo(), x, s, Known(given, x), torch.zeros(2, 1, 4), torch.zeros(2, 1), Flow(predicts="clip"), (1, 2, 2)
    )
    assert v.abs().max() < 1e-6


@pytest.mark.parametrize(("shift", "mean"), [(1.0, 0.0), (5.0, 0.3)])
def test_a_window_cuts_the_distribution_and_keeps_its_shape(shift, mean):
    """Against rejection: of the draws of the whole those in the window, which an expert is trained on."""
    draws = torch.randn(200_000, generator=torch.Generator().manual_seed(0))
    whole = flow.logit_normal(draws, mean, 1.0, shift)
    for window in ((0.875, 1.0), (0.0, 0.875), (0.3, 0.6)):
        inside = whole[(whole >= window[0]) & (whole <= window[1])]
        cut = flow.logit_normal(draws[: len(inside)], mean, 1.0, shift, window)
        assert window[0] <= cut.min() and cut.max() <= window[1]
        shares = torch.tensor([0.05, 0.25, 0.5, 0.75, 0.95])
        torch.testing.assert_close(cut.quantile(shares), inside.quantile(shares), atol=4e-3, rtol=0)


def test_the_whole_window_changes_nothing_and_ranks_stay():
    draws = torch.linspace(-6, 6, 1001)
    whole = flow.logit_normal(draws, 0.2, 1.3, 3.0)
    assert torch.equal(whole, flow.logit_normal(draws, 0.2, 1.3, 3.0, (0.0, 1.0)))
    assert torch.equal(whole, flow.shifted(torch.sigmoid(0.2 + 1.3 * draws), 3.0))
    cut = flow.logit_normal(draws, 0.2, 1.3, 3.0, (0.4, 0.9))
    assert cut.diff().min() > -1e-6 and cut.isfinite().all() and cut.min() >= 0.4 and cut.max() <= 0.9
