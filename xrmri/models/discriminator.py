"""How real a patch of an image looks: the discriminator of the adversarial term, and both sides' hinge losses.

Shapes: B images, H x W pixels, h x w patches (an eighth of the pixels each way, less two).
It is latent-diffusion's (Isola et al., 2017: 70 x 70 pixels a patch) without batch normalisation, and with no other in
its place: what it says of an image does not depend on the rest of the batch, so that parts of a batch and several
processes add up to the whole.
"""

from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import relu

Scores = tuple[Tensor, Tensor, Tensor]
"""Each (B, 1, h, w): of images; of what came back, to move the discriminator; of the same, to move the autoencoder."""

_CHANNELS = (64, 128, 256, 512)
"""latent-diffusion's; all but the last convolution halve the image."""
_SLOPE = 0.2


class PatchDiscriminator(nn.Module):
    """A score for each patch of an image: above 0 for an acquired one, below for one that came back."""

    def __init__(self) -> None:
        """Random weights."""
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in zip((1, *_CHANNELS), _CHANNELS, strict=False):
            stride = 1 if after == _CHANNELS[-1] else 2
            layers += [nn.Conv2d(before, after, 4, stride, padding=1), nn.LeakyReLU(_SLOPE)]
        self.layers = nn.Sequential(*layers, nn.Conv2d(_CHANNELS[-1], 1, 4, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        """Scores (B, 1, h, w) of grey images (B, 1, H, W) in [-1, 1], H and W at least 24."""
        return self.layers(x)

    def compare(self, x: Tensor, output: Tensor) -> Scores:
        """The scores of images and of what came back of them, so that either side's loss moves its own weights alone.

        Args:
            x: (B, 1, H, W) in [-1, 1].
            output: (B, 1, H, W), likewise.
        """
        held = {name: parameter.detach() for name, parameter in self.named_parameters()}
        return self(x), self(output.detach()), functional_call(self, held, (output,))


def discriminator_loss(scores: Scores) -> Tensor:
    """The hinge loss of the discriminator: 1 where it sees no difference, 0 where it is sure of every patch."""
    real, returned, _ = scores
    return (relu(1 - real.float()).mean() + relu(1 + returned.float()).mean()) / 2


def generator_loss(scores: Scores) -> Tensor:
    """The loss of the autoencoder: how far the discriminator is from taking what came back for real."""
    return -scores[2].float().mean()
