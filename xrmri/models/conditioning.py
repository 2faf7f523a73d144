"""What every compared method hands to the one backbone they share.

A module of maps may name in `projections` those that make context of the token: an imported projection goes there.

Shapes: B slices, C latent channels, h x w latent pixels, W context width, E time-embedding width.
"""

from typing import NamedTuple

from torch import Tensor


class Conditioning(NamedTuple):
    """What the U-Net is told of the slice it is to draw."""

    concat: Tensor
    """(B, C, h, w), concatenated to the noisy latent."""
    down: Tensor
    """(B, 1, W) context on the way down and in the middle block."""
    up: Tensor
    """(B, 1, W) context on the way up."""
    down_time: Tensor | float = 0.0
    """(B, E) added to the time embedding on the way down."""
    up_time: Tensor | float = 0.0
    """(B, E) added to the time embedding on the way up."""
