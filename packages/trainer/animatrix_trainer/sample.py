"""From conditions to clips: Euler steps through the flow under dual guidance.

Legend: N clips, F frames, H rows, W columns; latents as in flow.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from anicaption.frames import FILM_RATE, write_video
from anicaption.taxonomy import taxonomy

from animatrix_trainer import flow
from animatrix_trainer.checkpoint import System, load
from animatrix_trainer.conditioning import guidance
from animatrix_trainer.conditioning.dropout import Condition
from animatrix_trainer.config import Guidance
from animatrix_trainer.data.crop import fit
from animatrix_trainer.model.denoise import velocity
from animatrix_trainer.model.given import known_of


@torch.no_grad()
def sample(
    system: System,
    conditions: Sequence[Condition],
    seeds: Sequence[int],
    first_NHWC: np.ndarray | None = None,
    settings: Guidance | None = None,
) -> np.ndarray:
    """Clips RGB uint8 (N, F, H, W, 3), one per condition and seed.

    `first_NHWC`: first frames, RGB uint8 at the recipe's size; they come back unchanged as frame 0.
    """
    settings = settings or system.recipe.guidance
    device, window = system.model.device, system.recipe.window
    model = system.model.eval()
    blank = torch.zeros(1, 3, window.frames, window.height_px, window.width_px, device=device)
    shape = system.codec.encode(blank).shape[1:]
    noise = [torch.randn(shape, generator=torch.Generator().manual_seed(seed)) for seed in seeds]
    x = torch.stack(noise).to(device)
    told_NF, video = np.zeros((len(x), window.frames), bool), blank.repeat(len(x), 1, 1, 1, 1)
    if first_NHWC is not None:
        told_NF[:, 0] = True
        pictures = torch.from_numpy(np.ascontiguousarray(first_NHWC)).to(device)
        video[:, :, 0] = pictures.permute(0, 3, 1, 2).float() / 127.5 - 1
    known = known_of(system.codec, video, told_NF, system.recipe.flow.given)
    told = [branch for condition in conditions for branch in guidance.branches(condition)]
    text = system.text([branch.text for branch in told])
    tags = torch.tensor([system.words.encode(branch.tags) for branch in told], device=device)
    times = flow.schedule(settings.steps, settings.shift).to(device)
    for s, s_next in pairwise(times):
        v = velocity(
            model,
            x.repeat_interleave(3, 0),
            s.expand(3 * len(x)),
            known.repeat(3),
            text,
            tags,
            system.recipe.flow,
            system.patch,
        )
        guided = guidance.combine(v[0::3], v[1::3], v[2::3], settings.text, settings.tag)
        x = x + (s_next - s) * guided
    video = system.codec.decode(known.into(x)).clamp(-1, 1)
    video_NFHWC = ((video + 1) * 127.5).round().byte().permute(0, 2, 3, 4, 1).cpu().numpy()
    if first_NHWC is not None:
        video_NFHWC[:, 0] = first_NHWC
    return video_NFHWC


def sample_to_file(
    checkpoint: Path,
    tags: str,
    text: str,
    seed: int,
    out: Path,
    image: Path | None = None,
    scales: Callable[[Guidance], Guidance] = lambda own: own,
) -> Path:
    """One clip as an mp4 of 24000/1001 frames a second; tags as in "camera.move=pan_left,motion.timing=twos".

    `scales` may change the guidance of the checkpoint's recipe. Raises TaxonomyError, with a suggestion, for an
    unknown field or value, before any weights are read.
    """
    condition = Condition(taxonomy().parse_tags(tags), text)
    system = load(checkpoint)
    first = read_picture(image, system)[None] if image else None
    (video,) = sample(system, [condition], [seed], first, scales(system.recipe.guidance))
    out.parent.mkdir(parents=True, exist_ok=True)
    write_video(out, video, FILM_RATE)
    return out


def read_picture(path: Path, system: System) -> np.ndarray:
    """A picture file as RGB uint8 (H, W, 3), centre-cropped and scaled to the recipe's size."""
    import cv2

    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        raise ValueError(f"{path}: no picture that OpenCV can read; give a PNG or JPEG")
    return fit(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)[None], system.recipe.window)[0]
