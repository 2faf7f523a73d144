"""Pictures of held-out knees as a training goes: samples/step-0001000.png, one column a slice."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import interpolate

from xrmri.diffusion.ddim import sample
from xrmri.diffusion.schedule import Schedule
from xrmri.evenly import evenly
from xrmri.learning.batches import Batch
from xrmri.models.anchor import unfolded
from xrmri.models.autoencoder import decode
from xrmri.storage.files import complete_or_absent

COLUMNS = 6
"""Slices that are drawn (choice)."""
_STEPS = 15
"""Denoising steps of ddim: enough to see how a training goes (choice)."""


def write_picture(file: Path, rows: Sequence[Tensor]) -> None:
    """Write rows of images, each (B, H, W) in [-1, 1], as one grey PNG."""
    picture = np.concatenate([np.concatenate(list(row.float().cpu().numpy()), axis=1) for row in rows])
    file.parent.mkdir(exist_ok=True)
    with complete_or_absent(file) as partial:
        Image.fromarray(((picture + 1) * 127.5).clip(0, 255).round().astype(np.uint8)).save(partial)


def drawn_knees(
    batches: Sequence[Batch],
    vae: nn.Module,
    schedule: Schedule,
    *,
    scale: float,
    is_anchored: bool,
    device: torch.device,
) -> Callable[[nn.Module, Path], None]:
    """A function that draws some slices with a denoiser: radiographs above, drawn slices, acquired ones below.

    Args:
        batches: held-out slices with fixed noise.
        vae: decodes; both the radiograph and the acquired slice are shown as it gives them back.
        schedule: the forward process.
        scale: of the latents.
        is_anchored: the denoiser is shown the anchor's slices in place of the radiographs.
        device: where the networks are.
    """
    whole = Batch(*(torch.cat(parts) for parts in zip(*batches, strict=True)))
    chosen = evenly(range(len(whole.t)), COLUMNS)
    some = Batch(*(part[chosen].to(device) for part in whole))
    steps = min(_STEPS, schedule.timesteps)

    @torch.no_grad()
    def draw(network: nn.Module, file: Path) -> None:
        def noise(z_t: Tensor, t: int) -> Tensor:
            times = torch.full((len(z_t),), t, device=device)
            said = network(z_t, schedule.told(times), **some.condition._asdict())
            return schedule.noise(said.float(), z_t, times)

        z_0 = sample(noise, some.eps, schedule.abar.to(device), steps=steps)
        decoder = vae.to(device)
        rows = [torch.cat([decode(decoder, z[None]) for z in latents / scale]) for latents in (z_0, some.z_0)]
        shown = unfolded(some.concat) if is_anchored else torch.cat([decode(decoder, z[None]) for z in some.concat])
        write_picture(file, [interpolate(shown[:, None], rows[0].shape[1:])[:, 0], *rows])

    return draw
