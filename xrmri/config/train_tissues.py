"""What `python -m xrmri.stages.train_tissues` may be told."""

from dataclasses import dataclass
from typing import Literal

from xrmri.config.settings import require
from xrmri.config.training import Training


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainTissues(Training):
    """Settings of `python -m xrmri.stages.train_tissues`."""

    max_steps: int = 700
    batch_size: int = 8
    learning_rate: float = 1e-3
    decay: Literal["constant", "cosine"] = "cosine"
    validate_steps: int = 200
    picture_steps: int = 0
    people: int = 28
    """Drawn, one knee of each; every seventh is held out (choice)."""

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        Training.__post_init__(self)
        require(7 <= self.people <= 10_000, f"people must be 7 to 10000, not {self.people}")
