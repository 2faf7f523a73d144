"""Which of a cohort's volumes one process draws: all, or a share: by --shard, of a Slurm array, of a launcher."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from xrmri.errors import InconsistentError
from xrmri.machine.parallel import array_task, parse_shard
from xrmri.runs.record import read_record
from xrmri.runs.seals import require_own_seal, sealed
from xrmri.storage.documents import read_json
from xrmri.storage.files import write_json
from xrmri.storage.trouble import opens
from xrmri.storage.typed import UnfitError, content_of, record_of


@dataclass(frozen=True, kw_only=True, slots=True)
class Undrawn:
    """What could not be drawn."""

    rejected: Mapping[str, str]
    """Volume -> why."""
    unopened: tuple[str, ...] = ()
    """What could not be opened, so that the same command is to look again."""


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
        """Whether it was drawn before, and what could not be opened then still cannot."""
        mark = self._mark(out)
        return mark.is_file() and not any(opens(Path(path)) for path in _read(mark).unopened)

    def mark_done(self, out: Path, reasons: Mapping[str, object], unopened: Iterable[str]) -> None:
        """Leave word that this share is drawn, which volumes could not be, and what could not be opened."""
        left_out = Undrawn(rejected={name: str(one) for name, one in reasons.items()}, unopened=tuple(unopened))
        self._mark(out).parent.mkdir(exist_ok=True)
        write_json(self._mark(out), sealed(content_of(left_out)))

    def left_out_by_all(self, out: Path) -> Undrawn | None:
        """What all shares together could not draw; None while one of them is not done.

        Raises:
            InconsistentError: what one of them left word of is damaged.
        """
        marks = [Share(number=number, count=self.count)._mark(out) for number in range(self.count)]
        if not all(mark.is_file() for mark in marks):
            return None
        found = [_read(mark) for mark in marks]
        rejected = {name: reason for one in found for name, reason in one.rejected.items()}
        return Undrawn(rejected=rejected, unopened=tuple(sorted({path for one in found for path in one.unopened})))

    def _mark(self, out: Path) -> Path:
        return out / "shards" / f"{self.name}.json"


def _read(mark: Path) -> Undrawn:
    """What a share could not draw; an earlier version wrote reasons alone."""
    advice = "remove it and run that share again"
    content = read_json(mark, advice=advice, damaged=InconsistentError)
    try:
        found = record_of(Undrawn, content if isinstance(content.get("rejected"), dict) else {"rejected": content})
    except UnfitError as error:
        raise InconsistentError(f"{mark}: {error}: {advice}") from error
    require_own_seal(content, mark, advice)
    return found


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
