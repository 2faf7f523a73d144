"""What training minimises: eq. 7 and 10, the squared error of what the U-Net says about the noise."""

from torch import Tensor
from torch.nn.functional import mse_loss


def diffusion_loss(predicted: Tensor, target: Tensor) -> Tensor:
    """Eq. 7 and 10.

    Args:
        predicted: (B, C, h, w) what the U-Net says, of any precision.
        target: (B, C, h, w) what it should say (Schedule.target).

    Returns:
        The mean squared error, a float32 scalar.
    """
    return mse_loss(predicted.float(), target.float())
