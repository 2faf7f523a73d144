"""What `xrmri phantom` may be told."""

from dataclasses import dataclass

from xrmri.config.settings import Seeded, require
from xrmri.phantom.version import EARLIER, RELEASE


@dataclass(frozen=True, kw_only=True, slots=True)
class Phantom(Seeded):
    """Settings of `xrmri phantom`."""

    participants: int = 20
    """Number of participants (choice)."""
    matrix: int = 512
    """Rows and columns of the FLASH series; the scanner's is 512 (OAI protocol)."""
    labels: bool = False
    """Write the ground-truth tissue and sign maps beside the release (choice)."""
    scan: int = 0
    """0, or which rescan: the same people and films, their FLASH taken again with other noise and position (choice)."""
    twin: int = 0
    """0, or which twin: the same films, tables, bones and grades, and all that they do not tell drawn anew (choice)."""
    release: int = RELEASE
    """Which release of the cohort; the same seed and release give the same bytes for ever (choice)."""
    left_flash: float = 0.1
    """Share of people whose left knee has the FLASH; 0.5 for as many left as right knees (choice, as OAI's is low)."""
    figures: bool = False
    """Draw sheets of slices and films, and print how the cohort compares with real knees (choice)."""
    other_sequences: bool = True
    """Write a COR_IW_TSE and a COR_MPR series beside each FLASH, in OAI's proportions (paper, Fig. 4)."""

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        Seeded.__post_init__(self)
        require(1 <= self.participants <= 99_999, f"--participants must be 1 to 99999, not {self.participants}")
        require(32 <= self.matrix <= 1024, f"--matrix must be 32 to 1024, not {self.matrix}")
        require(0 <= self.scan <= 999, f"--scan must be 0 to 999, not {self.scan}")
        require(0 <= self.twin <= 999, f"--twin must be 0 to 999, not {self.twin}")
        earlier = f"; commit {EARLIER[self.release]} draws release {self.release}" if self.release in EARLIER else ""
        require(self.release == RELEASE, f"--release must be {RELEASE}, which this version draws{earlier}")
        require(0 <= self.left_flash <= 1, f"--left-flash must lie between 0 and 1, not {self.left_flash}")
