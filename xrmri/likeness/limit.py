"""One number of a cohort beside the limits that it must keep."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ENOUGH = 40
"""People that a number is measured on before it counts as missed: the limits were set for so many."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Limit:
    """One number that the cohort must keep within limits."""

    name: str
    measured: float
    error: float | None = None
    """Standard error of the measured value; None where it is not known."""
    low: float
    high: float
    people: int
    """Whom it was measured on."""

    @property
    def met(self) -> bool:
        """Whether the measured value lies within the limits."""
        return self.low <= self.measured <= self.high

    @property
    def verdict(self) -> str:
        """The same in words: "pass", "FAIL", or "too few to judge" where so few people prove nothing."""
        if self.met:
            return "pass"
        return "FAIL" if self.people >= ENOUGH else "too few to judge"

    def sentence(self) -> str:
        """The target in one line of text."""
        error = "" if self.error is None else f"± {self.error:.3f}"
        return f"{self.verdict}  {self.name:<44} {self.measured:8.3f} {error:<8}  {self.low:.3f} to {self.high:.3f}"


def standard_error(values: NDArray[np.float64]) -> float | None:
    """Of the mean over people, nan left out; None for one person."""
    known = values[~np.isnan(values)]
    return float(known.std(ddof=1) / np.sqrt(len(known))) if len(known) > 1 else None
