"""What training minimises: eq. 7 and 10, the squared error of what the U-Net says about the noise."""

from torch import Tensor


def diffusion_loss(
    predicted: Tensor, target: Tensor, weight: Tensor | float = 1.0, *, places: Tensor | None = None
) -> Tensor:
    """Eq. 7 and 10.

    Args:
        predicted: (B, C, h, w) what the U-Net says, of any precision.
        target: (B, C, h, w) what it should say (Schedule.target).
        weight: (B,) of each slice (Schedule.loss_weight); 1 in the paper.
        places: (B, h, w) of each place of it; None, as in the paper, counts all alike.

    Returns:
        The mean squared error, a float32 scalar.
    """
    errors = (predicted.float() - target.float()).square()
    if places is not None:
        errors = errors * places[:, None]
    return (weight * errors.flatten(1).mean(dim=1)).mean()
