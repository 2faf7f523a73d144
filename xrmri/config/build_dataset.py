"""What `xrmri build-dataset` may be told."""

from dataclasses import dataclass
from typing import Literal

from xrmri.config.settings import Seeded, require, require_pattern
from xrmri.slice_window import require_window


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildDataset(Seeded):
    """Settings of `xrmri build-dataset`."""

    slices: int = 80
    """Slices a series must have (paper, III-B); any number where there is a slice_window."""
    first_slice: int = 13
    """First slice kept, counted from 0, posterior to anterior (paper, III-B: "13th to 63rd")."""
    last_slice: int = 63
    """First slice no longer kept; 50 remain (paper, III-B)."""
    slice_window: str = ""
    """Slices kept of series of any number: 0.16-0.78 of the way (what the paper keeps), 13:63 by number, or all; empty:
    first_slice to last_slice (paper, III-B)."""
    depths: int = 0
    """Slices of every volume where there is a slice_window, other numbers being interpolated along depth; 0: as many as
    most series keep (choice)."""
    size: int = 256
    """Rows and columns of slices and radiographs (paper, III-B)."""
    plane: Literal["coronal", "sagittal", "axial"] = "coronal"
    """Plane in which the series were acquired, and are kept: coronal (paper), sagittal or axial (choice)."""
    series: str = ""
    """Regular expression of the descriptions of the series wanted; empty: the coronal FLASH (paper, III-B), and of a
    manifest every series."""
    sequence: str = ""
    """What dataset and model call the contrast; empty: FLASH, the regular expression, or what the series of a manifest
    say (choice)."""
    field_of_view_mm: float = 0.0
    """Height and width that slices are cut or padded to about their middle; 0 keeps each series' own (choice)."""
    frame: Literal["scanner", "knee"] = "scanner"
    """scanner: volumes as they were acquired (paper); knee: each laid rigidly onto the mean of the training split, so
    that slice k is the same place of every knee (choice)."""
    feature_set: str = "full"
    """full: 65 slots, with narrowing and KL grade; paper: the 52 that the paper most likely used (choice)."""
    shares: tuple[float, ...] = (0.7, 0.2, 0.1)
    """Shares of train, val and test (paper, III-B), by participant and stratified by KL grade (choice)."""
    max_rejected: float = 0.5
    """Exit code 4 when a larger share of the FLASH series is rejected (choice)."""
    shards: int = 1
    """Files that the pairs are cut into, for building them side by side; 128 pairs in one are 460 MB (choice)."""

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        Seeded.__post_init__(self)
        window = f"slice window {self.first_slice}..{self.last_slice} does not fit {self.slices} slices"
        require(self.slices <= 4096, f"--slices must be 2 to 4096, not {self.slices}")
        require(0 <= self.first_slice < self.last_slice <= self.slices, window)
        require(self.last_slice - self.first_slice >= 2, "the slice window must keep at least 2 slices")
        require(0 <= self.field_of_view_mm <= 1000, f"field_of_view_mm must be 0 to 1000, not {self.field_of_view_mm}")
        require_pattern("series", self.series)
        if self.slice_window:
            require_window(self.slice_window)
        require(self.depths == 0 or 2 <= self.depths <= 4096, f"depths must be 0, or 2 to 4096, not {self.depths}")
        fits = 32 <= self.size <= 4096 and self.size % 8 == 0
        require(fits, f"--size must be a multiple of 8 from 32 to 4096, not {self.size}")
        require(
            len(self.shares) == 3 and min(self.shares) >= 0 and abs(sum(self.shares) - 1) < 1e-6,
            f"shares must be three numbers that add up to 1, not {self.shares}",
        )
        require(0 <= self.max_rejected <= 1, f"--max-rejected must be 0 to 1, not {self.max_rejected}")
        require(1 <= self.shards <= 99_999, f"--shards must be 1 to 99999, not {self.shards}")

    @property
    def kept(self) -> int:
        """S, slices of every stored volume, once the depths of a slice window are settled."""
        return self.depths if self.slice_window else self.last_slice - self.first_slice

    @property
    def contrast(self) -> str:
        """What dataset and model call the series."""
        return self.sequence or self.series or "FLASH"
