"""What a denoiser is told of the slices it draws, before any method makes something of it.

Shapes: B slices, K slices shown of a knee (1, or the depths of an anchor), H x W image pixels, C latent channels, h x w
latent pixels, W_c context width, F feature slots.
"""

from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor


class Condition(NamedTuple):
    """Radiograph, depth and readings of B slices, as `Denoiser` takes them."""

    concat: Tensor
    """(B, C, h, w) latent of the radiograph, the posterior mode, not scaled, or the anchor's slice; zeros for no
    radiograph. Of a knee whose depths are not chosen yet (K, C, h, w), evenly from the back to the front."""
    token: Tensor
    """(B, 1, W_c) CLIP token of the radiograph; zeros likewise."""
    depth: Tensor
    """(B,) float32 in [0, 1], from the back of the knee."""
    features: Tensor
    """(B, F) float32 one-hot; zeros where nobody read."""

    def at(self, depth: Tensor) -> "Condition":
        """One knee at several depths (B,) float32."""
        token, features = (part.expand(len(depth), *part.shape[1:]) for part in (self.token, self.features))
        return Condition(concat=at_depths(self.concat, depth), token=token, depth=depth, features=features)

    def without_radiograph(self) -> "Condition":
        """The same without a radiograph: what the denoiser saw where training dropped both of its forms."""
        return self._replace(concat=torch.zeros_like(self.concat), token=torch.zeros_like(self.token))

    def without_readings(self) -> "Condition":
        """The same with no reading made."""
        return self._replace(features=torch.zeros_like(self.features))


def at_depths(slices: Tensor, depth: Tensor) -> Tensor:
    """What lies at some depths (B,) in [0, 1] between slices (K, ...) that run evenly from 0 to 1: (B, ...)."""
    place = depth * (len(slices) - 1)
    below = place.floor().long().clamp(0, max(0, len(slices) - 2))
    share = (place - below).reshape(-1, *[1] * (slices.dim() - 1)).to(slices.dtype)
    above = (below + 1).clamp(max=len(slices) - 1)
    return slices[below] * (1 - share) + slices[above] * share


def joined(conditions: Iterable[Condition]) -> Condition:
    """Several conditions one after the other."""
    return Condition(*map(torch.cat, zip(*conditions, strict=True)))
