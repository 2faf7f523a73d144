"""How a model sees a knee: y, its radiograph, and r, its readings. Training and generate both look through here.

A knee looks like a right one before it gets here: a left one is mirrored once, where it is read.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from xrmri.data.covariates import Covariates, covariate_code
from xrmri.data.features import FeatureSet, one_hot
from xrmri.data.radiograph import laid_on_slice, unit_square


class SeenKnee(NamedTuple):
    """One knee as a model sees it."""

    y: np.ndarray
    """(H, W) float32 in [-1, 1]."""
    r: np.ndarray
    """(F,) float32: one-hot, zeros over a reading that nobody made; then the covariates where a model is told them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """What a model takes of a knee."""

    pixels: int
    """Rows and columns of y."""
    slice_mm: float
    """Width of a slice."""
    grid: Literal["crop", "slice"]
    """Whether the joint crop fills y, or lies on the millimetres of a slice."""
    features: FeatureSet
    """The readings in r."""
    covariates: tuple[str, ...] = ()
    """What of the participant follows them: age, sex and BMI, or nothing."""

    @property
    def slots(self) -> int:
        """F, the length of r."""
        return len(self.readings({}, {}))

    def radiograph(
        self,
        crop: np.ndarray,
        width_mm: float | None,
        *,
        expose: Callable[[np.ndarray], np.ndarray] | None = None,
    ) -> np.ndarray:
        """y of a joint crop.

        Args:
            crop: (H, W) uint16, windowed, looking right.
            width_mm: of the crop; None where its film does not tell.
            expose: what training does to a crop in [0, 1] to show it as another detector would.

        Returns:
            (pixels, pixels) float32 in [-1, 1].
        """
        unit = unit_square(crop, self.pixels)
        y = (expose(unit) if expose else unit) * 2 - 1
        if self.grid == "slice":
            return laid_on_slice(y + 1, width_mm, self.slice_mm) - 1  # what lies outside the crop is black: -1
        return y

    def readings(self, grades: Mapping[str, int | None], covariates: Covariates) -> np.ndarray:
        """r of raw grades, and of the participant where this view takes covariates: (F,) float32."""
        code = one_hot(grades, self.features).astype(np.float32)
        return np.concatenate([code, covariate_code(covariates)]) if self.covariates else code

    def of(
        self, crop: np.ndarray, width_mm: float | None, grades: Mapping[str, int | None], covariates: Covariates
    ) -> SeenKnee:
        """Both, of one knee."""
        return SeenKnee(self.radiograph(crop, width_mm), self.readings(grades, covariates))
