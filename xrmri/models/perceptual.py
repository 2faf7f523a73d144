"""How unlike two images look to a VGG-16: the distance of LPIPS without its learned weights of channels.

Shapes: B images, H x W pixels. Only the 13 convolutions are built, under torchvision's names, from a file of weights.
"""

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from xrmri.errors import InconsistentError, InputError
from xrmri.models.weights import read_tensors

_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""ImageNet's, which the public weights were trained with."""
_BLOCKS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
"""Channels and convolutions of each block (Simonyan and Zisserman, 2015: configuration D)."""


class PerceptualDistance(nn.Module):
    """The convolutions of a VGG-16, and the distance of two images in them."""

    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        """Random weights."""
        super().__init__()
        self.features = nn.Sequential(*_layers())
        for name, values in (("mean", _MEAN), ("std", _STD)):
            self.register_buffer(name, torch.tensor(values)[:, None, None], persistent=False)

    def forward(self, x: Tensor, output: Tensor) -> Tensor:
        """The mean distance of images from what should equal them; gradients flow to `output` alone.

        Args:
            x: (B, H, W) in [-1, 1], H and W at least 16.
            output: (B, H, W), likewise.

        Returns:
            float32 scalar, at least 0: over relu1_2, 2_2, 3_3, 4_3 and 5_3, the sum of the mean squared distances of
            feature vectors of unit length.
        """
        with torch.no_grad():
            wanted = self._directions(x)
        pairs = zip(wanted, self._directions(output), strict=True)
        return torch.stack([(one - other).square().sum(dim=1).mean() for one, other in pairs]).sum()

    def _directions(self, x: Tensor) -> list[Tensor]:
        """The last features of each block, float32, of unit length at every place."""
        maps = []
        x = ((x[:, None] + 1) / 2 - self.mean) / self.std
        for layer in self.features:
            if isinstance(layer, nn.MaxPool2d):
                maps.append(x)
            x = layer(x)
        # normalize has a gradient where all features are 0, as on a black background; a plain square root has none.
        return [normalize(one.float(), dim=1, eps=1e-10) for one in (*maps, x)]


def load_perceptual_distance(file: Path) -> PerceptualDistance:
    """The distance by the VGG-16 in a safetensors file or a torch checkpoint with torchvision's names; frozen.

    Raises:
        InputError: the file cannot be read, or holds no VGG-16.
        InconsistentError: a weight is missing, of another network or not finite.
    """
    state = read_tensors(file, "perceptual_network")
    own = {name: value.float() for name, value in state.items() if name.startswith("features.")}
    if not own:
        raise InputError(f"perceptual_network {file} holds no VGG-16: it has no features.0.weight")
    broken = next((name for name, value in own.items() if not torch.isfinite(value).all()), None)
    if broken:
        raise InconsistentError(f"perceptual_network {file}: {broken} holds numbers that are not finite: copy it again")
    distance = PerceptualDistance()
    try:
        distance.load_state_dict(own)
    except RuntimeError as error:
        first = " ".join(str(error).split())[:160]
        raise InconsistentError(f"perceptual_network {file} holds another network than VGG-16 ({first})") from error
    return distance.requires_grad_(False).eval()


def _layers() -> list[nn.Module]:
    """torchvision's vgg16().features, but for the last pooling, which nothing looks at."""
    layers: list[nn.Module] = []
    before = 3
    for channels, convolutions in _BLOCKS:
        for _ in range(convolutions):
            layers += [nn.Conv2d(before, channels, 3, padding=1), nn.ReLU(inplace=True)]
            before = channels
        layers.append(nn.MaxPool2d(2))
    return layers[:-1]
