"""How a command runs. Nothing here changes a result."""

from collections.abc import Callable
from dataclasses import dataclass, field

from xrmri.config.settings import require

Progress = Callable[[str, int, int, str], None]
"""Called as progress(step, done, total, note)."""


def silent(step: str, done: int, total: int, note: str = "") -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Execution:
    """How a command runs. Nothing here changes a result."""

    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""
    workers: int = 0
    """Processes for work on many files, threads for drawing; 0 takes every core this process may use."""
    dry_run: bool = False
    """Say what would be done and write nothing."""
    force: bool = False
    """Do the work again over an earlier result of the same command."""
    progress: Progress = field(default=silent)

    def __post_init__(self) -> None:
        """Refuse what no machine has."""
        device = self.device.partition(":")
        known = self.device in ("auto", "cpu", "cuda") or (device[0] == "cuda" and device[2].isdigit())
        require(known, f"--device must be auto, cpu, cuda or cuda:N, not {self.device!r}")
        require(self.workers >= 0, f"--workers must be at least 0, not {self.workers}")
