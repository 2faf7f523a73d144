"""What `xrmri detect-knee` may be told."""

from dataclasses import dataclass

from xrmri.config.settings import Seeded, require


@dataclass(frozen=True, kw_only=True, slots=True)
class DetectKnee(Seeded):
    """Settings of `xrmri detect-knee`."""

    min_score: float = 0.4
    """Boxes with a lower score are not knees (measured: at 0.25 the bundled detector sees a knee on 7 % of the films
    without one, at 0.4 on 1 %, and finds as many real joints)."""
    box_scale: float = 1.3
    """The crop is the joint box enlarged by this about its centre (choice)."""
    crop_pixels: int = 299
    """Rows and columns of the crop (paper, III-B)."""

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        Seeded.__post_init__(self)
        require(0 < self.min_score < 1, f"--min-score must lie between 0 and 1, not {self.min_score}")
        require(1 <= self.box_scale <= 10, f"box_scale must be 1 to 10, not {self.box_scale}")
        require(16 <= self.crop_pixels <= 4096, f"crop_pixels must be 16 to 4096, not {self.crop_pixels}")
