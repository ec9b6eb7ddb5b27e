import torch
from animatrix_trainer.model import warp
from animatrix_trainer.model.codec import PixelCodec


def case(frames=5):
    picture = torch.zeros(1, 3, 1, 16, 32)
    picture[:, :, :, 4:12, 12:20] = 1.0
    codec = PixelCodec(4, 1)
    latents = codec.encode(picture.expand(-1, -1, frames, -1, -1))
    return codec, latents, torch.zeros(1, 2 * latents.shape[1], *latents.shape[2:])


def parts(out):
    """Paint (B, 3, p, T, H, W), move (B, 2, ...), cover (B, 1, ...) as views."""
    paint, motion = out.chunk(2, dim=1)
    move, cover = motion.unflatten(1, (3, 4)).split([2, 1], dim=1)
    return paint.unflatten(1, (3, 4)), move, cover


def centre_px(frame_HW):
    weight = frame_HW - frame_HW.min()
    columns = torch.arange(frame_HW.shape[1], dtype=torch.float32)
    return float((weight.sum(0) * columns).sum() / weight.sum())


def test_an_output_of_zero_keeps_the_first_frame_standing():
    _, latents, out = case()
    given = torch.tensor([[True, False]])
    parts(out)[2].fill_(20.0)
    torch.testing.assert_close(warp.clip_from_warp(out, latents, given), latents, atol=1e-5, rtol=1e-5)


def test_looking_right_moves_the_content_left_further_with_each_frame():
    """Looking 1/4 frame width away after 4 frames: 8 of 32 pixels, 2 a frame; that is what a pan_right shows."""
    codec, latents, out = case(frames=9)
    _, move, cover = parts(out)
    move[:, 0] = 1.0 + warp.REST * (1 - warp.SLOPE)
    cover.fill_(20.0)
    clip = codec.decode(warp.clip_from_warp(out, latents, torch.tensor([[True, False, False]])))
    places = [centre_px(clip[0, 0, frame]) for frame in range(4)]
    for frame, place in enumerate(places):
        assert abs(place - (places[0] - 2 * frame)) < 0.05


def test_without_a_first_frame_there_is_only_paint():
    _, latents, out = case()
    paint, move, _ = parts(out)
    paint.fill_(0.3)
    move.fill_(1.0)
    clip = warp.clip_from_warp(out, latents, torch.tensor([[False, False]]))
    torch.testing.assert_close(clip, torch.full_like(clip, 0.3))


def test_motion_is_smooth_and_constant_motion_stays_constant():
    constant = torch.full((1, 2, 24, 40), 0.7)
    torch.testing.assert_close(warp.smooth(constant), constant)
    noise = torch.randn(1, 2, 24, 40, generator=torch.Generator().manual_seed(0))
    assert warp.smooth(noise).diff(dim=-1).abs().max() < noise.diff(dim=-1).abs().max() / 4


def test_small_motion_is_nearly_rest_and_large_motion_nearly_itself():
    move = torch.linspace(-1, 1, 401, requires_grad=True)
    rested = warp.rested(move)
    assert (rested.diff() > 0).all() and rested.detach().abs().le(move.detach().abs() + 1e-7).all()
    assert warp.rested(torch.tensor(warp.REST)) < 0.2 * warp.REST
    torch.testing.assert_close(warp.rested(torch.tensor(0.8)), torch.tensor(0.8), atol=warp.REST, rtol=0)
    rested.sum().backward()
    assert move.grad is not None and move.grad.min() > 0.05
