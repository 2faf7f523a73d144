"""Method "ldm": latent diffusion (Rombach et al., 2022), told the depth alone.

Taken: a condition that is no image enters through cross-attention, in both halves. Left out: everything about the
radiograph and its readings, since the paper compares with a model that does not see them.
"""

import torch
from torch import Tensor, nn

from xrmri.models.conditioning import Conditioning
from xrmri.models.xray2mri import identity_on_token


class DepthAlone(nn.Module):
    """d through one linear map to the context of both halves; no radiograph, no readings."""

    projections = ("depth",)

    def __init__(self, *, width: int) -> None:
        """A map to a context of W."""
        super().__init__()
        self.depth = identity_on_token(width, 1)

    def forward(self, concat: Tensor, token: Tensor, depth: Tensor, features: Tensor) -> Conditioning:
        """Context (B, 1, W) that knows d; zeros where the radiograph would be."""
        context = self.depth(torch.cat([torch.zeros_like(token), depth[:, None, None]], dim=-1))
        return Conditioning(torch.zeros_like(concat), context, context)
