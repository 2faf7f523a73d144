"""Method "xray2mri", the paper: d enters on the way down, r on the way up (II-B); y by concatenation and as token.

Shapes: B slices, C latent channels, h x w latent pixels, W context width, F feature slots, E time-embedding width.
`halves` is "paper", or an ablation: "swapped" (r down, d up) or "joint" (both in both).
"""

import torch
from torch import Tensor, nn

from xrmri.models.conditioning import Conditioning
from xrmri.models.from_diffusers import get_timestep_embedding

DEPTH_STEPS = 1_000
"""d in [0, 1] is embedded like a step in 0..1000: neighbouring slices differ by 20 (choice)."""


class ContextGuidance(nn.Module):
    """d and r join the context token of their half through one linear map each (paper says where; how is a choice).

    Both maps start as the identity on the token and zero on what is new, so that a pretrained U-Net starts unchanged.
    """

    def __init__(self, *, width: int, features: int, halves: str = "paper") -> None:
        """Maps for a token of W and a feature code of F."""
        super().__init__()
        self.halves = halves
        self.depth = identity_on_token(width, 1)
        self.features = identity_on_token(width, features)

    @property
    def projections(self) -> tuple[str, ...]:
        """The maps that start from an imported projection of the token; joint adds them up, and one is enough."""
        return ("depth",) if self.halves == "joint" else ("depth", "features")

    def forward(self, concat: Tensor, token: Tensor, depth: Tensor, features: Tensor) -> Conditioning:
        """Context (B, 1, W) of each half, and nothing for the time embedding of either."""
        of_depth = self.depth(torch.cat([token, depth[:, None, None]], dim=-1))
        of_features = self.features(torch.cat([token, features[:, None, :]], dim=-1))
        if self.halves == "joint":
            both = of_depth + of_features - token
            return Conditioning(concat, both, both)
        down, up = (of_depth, of_features) if self.halves == "paper" else (of_features, of_depth)
        return Conditioning(concat, down, up)


class TimeGuidance(nn.Module):
    """d and r are added to the time embedding of their half, each through a small network (choice)."""

    def __init__(self, *, embedding: int, features: int, halves: str = "paper") -> None:
        """Networks for a time embedding of E and a feature code of F."""
        super().__init__()
        self.halves = halves
        self.frequencies = embedding // 4
        self.depth = _two_layers(self.frequencies, embedding)
        self.features = _two_layers(features, embedding)

    def forward(self, concat: Tensor, token: Tensor, depth: Tensor, features: Tensor) -> Conditioning:
        """The token as context of both halves, and what to add to the time embedding (B, E) of each."""
        waves = get_timestep_embedding(depth * DEPTH_STEPS, self.frequencies)
        of_depth, of_features = self.depth(waves.to(token.dtype)), self.features(features)
        if self.halves == "joint":
            both = of_depth + of_features
            return Conditioning(concat, token, token, both, both)
        down, up = (of_depth, of_features) if self.halves == "paper" else (of_features, of_depth)
        return Conditioning(concat, token, token, down, up)


def identity_on_token(width: int, new: int) -> nn.Linear:
    """A map from a token of `width` and `new` more numbers to a token; at the start it gives the token back."""
    linear = nn.Linear(width + new, width)
    with torch.no_grad():
        linear.weight.copy_(torch.eye(width, width + new))
        linear.bias.zero_()
    return linear


def _two_layers(inputs: int, embedding: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, embedding), nn.SiLU(), nn.Linear(embedding, embedding))
