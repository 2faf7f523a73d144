"""Which of a cohort's volumes one process draws: all, or a share: by --shard, of a Slurm array, of a launcher."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from xrmri.documents import read_json
from xrmri.errors import InconsistentError
from xrmri.files import write_json
from xrmri.machine.parallel import array_task, parse_shard
from xrmri.run_record import read_record
from xrmri.typed import UnfitError, fitted


@dataclass(frozen=True, kw_only=True, slots=True)
class Share:
    """Every count-th volume from one on."""

    number: int
    count: int

    @property
    def name(self) -> str:
        """Of this share, among files."""
        return f"{self.number}-of-{self.count}"

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
        """What all shares together could not draw; None while one of them is not done.

        Raises:
            InconsistentError: what one of them left word of is damaged.
        """
        marks = [Share(number=number, count=self.count)._mark(out) for number in range(self.count)]
        if not all(mark.is_file() for mark in marks):
            return None
        return {name: reason for mark in marks for name, reason in _rejected(mark).items()}

    def _mark(self, out: Path) -> Path:
        return out / "shards" / f"{self.name}.json"


def _rejected(mark: Path) -> Mapping[str, str]:
    """What a share could not draw: name -> why."""
    advice = "remove it and run that share again"
    content = read_json(mark, advice=advice, damaged=InconsistentError)
    try:
        rejected: Mapping[str, str] = fitted(content, Mapping[str, str], "a share")
    except UnfitError as error:
        raise InconsistentError(f"{mark}: {error}: {advice}") from error
    return rejected


def read_share(told: str | None, environment: Mapping[str, str], out: Path) -> Share | None:
    """The share that --shard names, else that of this task of a Slurm array; None for everything.

    Under `accelerate-launch` or `torchrun`, each of whose processes has a GPU, the share is shared once more.

    Raises:
        InputError, InconsistentError: not I/N, or a task that an array of its size does not have.
    """
    rank, world = (int(environment.get(name, default)) for name, default in (("RANK", 0), ("WORLD_SIZE", 1)))
    record = read_record(out)
    begun = record.shares if record else None
    number, count = (parse_shard(told) if told else array_task(environment, begun and begun // world)) or (0, 1)
    return Share(number=number * world + rank, count=count * world) if told or count * world > 1 else None
