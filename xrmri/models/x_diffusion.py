"""Method "x-diffusion": a slice for an image, an axis and a depth (Bourigault et al., X-Diffusion, 2024).

Taken: Zero-1-to-3's conditioning; the image by concatenation and as CLIP token, and axis (one of three) and depth
through the projection that held the camera's pose, the same context in both halves. Left out: the average over volumes
drawn along several axes, since these volumes have coronal slices alone; readings, which it does not know.
"""

import torch
from torch import Tensor, nn

from xrmri.models.conditioning import Conditioning
from xrmri.models.xray2mri import identity_on_token

AXES = 3
CORONAL = 1


class AxisAndDepth(nn.Module):
    """Token, axis and d through one linear map to the context of both halves."""

    projections = ("projection",)

    def __init__(self, *, width: int) -> None:
        """A map from a token of W, three axes and a depth."""
        super().__init__()
        self.projection = identity_on_token(width, AXES + 1)

    def forward(self, concat: Tensor, token: Tensor, depth: Tensor, features: Tensor) -> Conditioning:
        """Context (B, 1, W), and the radiograph as it is."""
        axis = torch.zeros(*token.shape[:2], AXES, device=token.device, dtype=token.dtype)
        axis[..., CORONAL] = 1
        context = self.projection(torch.cat([token, axis, depth[:, None, None].to(token)], dim=-1))
        return Conditioning(concat, context, context)
