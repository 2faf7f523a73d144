"""3x3 convolution of a map that was doubled before: four of 2x2 on the map as it was, with less than half the products.

Doubling repeats each place in two rows and two columns, so that of three neighbours in a row two are always one place,
and their weights can be added up beforehand. Shapes: B slices, C channels, h x w places.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

from xrmri.models.from_diffusers import Upsample2D


class DoubledConvolution(Upsample2D):  # type: ignore[misc]  # diffusers has no types
    """Doubles a map and convolves it: on a CPU in float32 at half the price (measured), and as the library elsewhere.

    The same sum in another order.
    """

    def forward(self, hidden_states: Tensor, output_size: int | None = None) -> Tensor:
        """(B, C, 2h, 2w) from (B, C, h, w)."""
        if output_size is not None or hidden_states.device.type != "cpu" or hidden_states.dtype != torch.float32:
            doubled: Tensor = super().forward(hidden_states, output_size)
            return doubled
        height, width = hidden_states.shape[-2:]
        size = (len(hidden_states), self.out_channels, 2 * height, 2 * width)
        out = torch.empty(size, memory_format=torch.channels_last)
        for row, of_row in enumerate(_halves(self.conv.weight, dim=2)):
            for column, kernel in enumerate(_halves(of_row, dim=3)):
                product = conv2d(hidden_states, kernel, self.conv.bias, padding=1)
                out[:, :, row::2, column::2] = product[:, :, row : row + height, column : column + width]
        return out


def _halves(weight: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """Weights of three neighbours, as those of two places: for the first and for the second of a doubled place."""
    before, at, after = weight.split(1, dim)
    return torch.cat([before, at + after], dim), torch.cat([before + at, after], dim)


def convolve_before_doubling(network: nn.Module) -> None:
    """Let a network convolve the smaller map where it doubles one; weights and their names stay."""
    for module in network.modules():
        convolves = type(module) is Upsample2D and module.name == "conv" and type(module.conv) is nn.Conv2d
        if convolves and module.interpolate and module.norm is None and module.conv.kernel_size == (3, 3):
            module.__class__ = DoubledConvolution
