"""What `xrmri train-vae` may be told."""

from dataclasses import dataclass
from typing import Literal

from xrmri.config.settings import require
from xrmri.config.training import Training, require_sizes


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainVae(Training):
    """Settings of `xrmri train-vae`."""

    channels: tuple[int, ...] = (128, 256, 512, 512)
    """Channels of each level of E1 and D; each level but the last halves the image (paper, II-B)."""
    blocks: int = 2
    """Residual blocks a level (paper, II-B)."""
    latent_channels: int = 4
    """Channels of a latent (paper, II-B)."""
    middle_attention: bool = True
    """Attend in the middle block of E1 and D (code); what attends to crops does not know whole images."""
    error: Literal["squared", "absolute"] = "squared"
    """Error of the reconstruction: squared (paper, eq. 6) or absolute."""
    kl_weight: float = 1e-6
    """Weight of the Kullback-Leibler term beside the squared error of eq. 6 (choice, after code)."""
    perceptual_weight: float = 0.0
    """Weight of the perceptual term; 0 leaves it out (paper, eq. 6)."""
    perceptual_network: str = ""
    """File of torchvision's VGG-16 weights, which the perceptual term compares images by (choice)."""
    adversarial_weight: float = 0.0
    """Weight of the adversarial term, a patch discriminator's hinge loss; 0 leaves it out (paper, eq. 6)."""
    radiograph_share: float = 0.1
    """Share of radiographs among the training images: E2 encodes y with the same network (choice); the paper's E1 and D
    see none (paper, Algorithm 1)."""
    crop: int = 0
    """Rows and columns of the random crops trained on; 0 takes whole images (choice)."""
    frozen_encoder: bool = False
    """Leave E1 of --init as it is and train D alone: a denoiser goes on with the latents that it knows (choice)."""

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        Training.__post_init__(self)
        require_sizes(self.channels, self.blocks, self.norm_groups)
        require(1 <= self.latent_channels <= 64, f"latent_channels must be 1 to 64, not {self.latent_channels}")
        require(0 <= self.crop <= 4096, f"crop must be 0 to 4096, not {self.crop}")
        require(0 <= self.radiograph_share <= 1, f"radiograph_share must be 0 to 1, not {self.radiograph_share}")
        require(self.perceptual_weight >= 0, f"perceptual_weight must be at least 0, not {self.perceptual_weight}")
        both = (self.perceptual_weight > 0) == bool(self.perceptual_network)
        require(both, "perceptual_weight above 0 and perceptual_network, the file of a VGG-16, need each other")
        small = self.perceptual_network and 0 < self.crop < 16  # VGG-16 halves an image four times
        require(not small, f"perceptual_network needs a crop of at least 16, not {self.crop}")
        require(self.adversarial_weight >= 0, f"adversarial_weight must be at least 0, not {self.adversarial_weight}")
        enough = self.adversarial_weight == 0 or not 0 < self.crop < 24  # eighths, less two each way
        require(enough, f"adversarial_weight needs a crop of at least 24, not {self.crop}")
