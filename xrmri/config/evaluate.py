"""What `xrmri evaluate` may be told."""

from dataclasses import dataclass

from xrmri.config.settings import Seeded, require


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluate(Seeded):
    """Settings of `xrmri evaluate`."""

    bootstrap: int = 2_000
    """Resamples of the participants behind each 95 % interval (choice)."""
    canny_sigma: float = 3.0
    """Width of the Canny filter behind RSSIM, in pixels (paper, IV-A)."""
    cases: int = 2
    """Best, median and worst cases pictured in the report, each (choice)."""
    quick: bool = False
    """At most 24 pairs and 64 training pairs, no pictures, no networks: seconds, for use inside training (choice)."""

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        Seeded.__post_init__(self)
        require(1 <= self.bootstrap <= 100_000, f"--bootstrap must be 1 to 100000, not {self.bootstrap}")
        require(0 < self.canny_sigma <= 100, f"canny_sigma must be above 0 and at most 100, not {self.canny_sigma}")
        require(0 <= self.cases <= 100, f"cases must be 0 to 100, not {self.cases}")
