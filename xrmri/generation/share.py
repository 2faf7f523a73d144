"""Which of a cohort's volumes one process draws: all, a share by `--shard I/N`, or that of a task of a Slurm array."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from xrmri.errors import InputError
from xrmri.run import write_json


@dataclass(frozen=True, kw_only=True, slots=True)
class Share:
    """Every count-th volume from one on."""

    number: int
    count: int

    def of(self, names: Sequence[str]) -> list[str]:
        """This process's volumes."""
        return list(names[self.number :: self.count])

    def is_done(self, out: Path) -> bool:
        """Whether it was drawn before."""
        return self._mark(out).is_file()

    def mark_done(self, out: Path, rejected: Mapping[str, str]) -> None:
        """Leave word that this share is drawn, and which volumes could not be."""
        self._mark(out).parent.mkdir(exist_ok=True)
        write_json(self._mark(out), rejected)

    def rejected_by_all(self, out: Path) -> dict[str, str] | None:
        """What all shares together could not draw; None while one of them is not done."""
        marks = [Share(number=number, count=self.count)._mark(out) for number in range(self.count)]
        if not all(mark.is_file() for mark in marks):
            return None
        return {name: reason for mark in marks for name, reason in json.loads(mark.read_text("utf-8")).items()}

    def _mark(self, out: Path) -> Path:
        return out / "shards" / f"{self.number}-of-{self.count}.json"


def read_share(told: str | None, environment: Mapping[str, str]) -> Share | None:
    """The share that --shard names, else that of this task of a Slurm array numbered from 0; None for everything.

    Raises:
        InputError: not I/N, or a task that an array of its size does not have.
    """
    if told is None:
        task, count = environment.get("SLURM_ARRAY_TASK_ID"), environment.get("SLURM_ARRAY_TASK_COUNT")
        if not (task and count):
            return None
        told = f"{int(task) - int(environment.get('SLURM_ARRAY_TASK_MIN') or 0)}/{count}"
    match = re.fullmatch(r"(\d+)/(\d+)", told.strip())
    if not match or int(match[1]) >= int(match[2]):
        raise InputError(f"--shard must be I/N with I from 0 to N - 1, such as 0/4, not {told!r}")
    return Share(number=int(match[1]), count=int(match[2]))
