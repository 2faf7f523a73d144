"""Method "cola-diff": several image conditions with learned balance weights (Jiang et al., CoLa-Diff, 2023).

Taken: conditions are latents of images, each weighted channel by channel by a squeeze-and-excitation over all of them,
and a structural image is one of them. Here they are the radiograph, its structure (the size of its gradient) and the
depth as a constant plane. Left out: masks of brain regions, the similar cooperative filter, and the text-like context,
which that paper does not have; readings, which it does not know.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from xrmri.models.conditioning import Conditioning

CONDITIONS = 3
"""Radiograph, structure, depth."""


class BalancedConditions(nn.Module):
    """The conditions, weighted and added to one image of C channels; no context."""

    def __init__(self, *, channels: int) -> None:
        """Conditions of C latent channels each."""
        super().__init__()
        self.encoders = nn.ModuleList(nn.Conv2d(channels, channels, 3, padding=1) for _ in range(CONDITIONS))
        many = CONDITIONS * channels
        last = nn.Linear(many, many)
        self.balance = nn.Sequential(nn.Linear(many, many), nn.SiLU(), last)
        # All conditions weigh the same at the start, and 1 rather than the sigmoid's half.
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def forward(self, concat: Tensor, token: Tensor, depth: Tensor, features: Tensor) -> Conditioning:
        """One image (B, C, h, w) of all conditions; an empty context (B, 1, W)."""
        plane = depth[:, None, None, None].expand_as(concat)
        images = [net(image) for net, image in zip(self.encoders, (concat, _structure(concat), plane), strict=True)]
        squeezed = torch.cat([image.mean(dim=(2, 3)) for image in images], dim=1)
        weights = (2 * self.balance(squeezed).sigmoid())[:, :, None, None].chunk(CONDITIONS, dim=1)
        empty = torch.zeros_like(token)
        return Conditioning(sum(weight * image for weight, image in zip(weights, images, strict=True)), empty, empty)


def _structure(image: Tensor) -> Tensor:
    """The size of the gradient of (B, C, h, w) images, by forward differences."""
    rows = pad(image.diff(dim=2), (0, 0, 0, 1))
    columns = pad(image.diff(dim=3), (0, 1))
    return (rows.square() + columns.square() + 1e-12).sqrt()
