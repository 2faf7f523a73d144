"""What a denoiser is told of the slices it draws, before any method makes something of it.

Shapes: B slices, H x W image pixels, C latent channels, h x w latent pixels, W_c context width, F feature slots.
"""

from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor


class Condition(NamedTuple):
    """Radiograph, depth and readings of B slices, as `Denoiser` takes them."""

    concat: Tensor
    """(B, C, h, w) latent of the radiograph, the posterior mode, not scaled; zeros for no radiograph."""
    token: Tensor
    """(B, 1, W_c) CLIP token of the radiograph; zeros likewise."""
    depth: Tensor
    """(B,) float32 in [0, 1], from the back of the knee."""
    features: Tensor
    """(B, F) float32 one-hot; zeros where nobody read."""

    def at(self, depth: Tensor) -> "Condition":
        """One knee (B = 1) at several depths (D,) float32."""
        concat, token, _, features = (part.expand(len(depth), *part.shape[1:]) for part in self)
        return Condition(concat=concat, token=token, depth=depth, features=features)

    def without_radiograph(self) -> "Condition":
        """The same without a radiograph: what the denoiser saw where training dropped both of its forms."""
        return self._replace(concat=torch.zeros_like(self.concat), token=torch.zeros_like(self.token))

    def without_readings(self) -> "Condition":
        """The same with no reading made."""
        return self._replace(features=torch.zeros_like(self.features))


def joined(conditions: Iterable[Condition]) -> Condition:
    """Several conditions one after the other."""
    return Condition(*map(torch.cat, zip(*conditions, strict=True)))
