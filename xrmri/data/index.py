"""index.csv of a dataset: which pair lies in which row of which shard, whose it is, and in which split."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from xrmri.errors import InconsistentError
from xrmri.facts.folders import DatasetFacts
from xrmri.runs.record import read_record
from xrmri.runs.seals import require_sha256
from xrmri.storage.names import is_safe_name
from xrmri.storage.tables import read_table
from xrmri.storage.typed import Between, UnfitError

if TYPE_CHECKING:
    import pandas as pd

INDEX = "index.csv"
REBUILD = "build the dataset again with --force"


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexRow:
    """One pair."""

    pair_id: str
    participant: str
    visit: str
    side: Literal["left", "right"]
    split: Literal["train", "val", "test"]
    shard: str
    """File name of the shard."""
    row: Annotated[int, Between(0, 10**8)]
    """In the shard."""
    kl: Annotated[int, Between(0, 4)] | None
    radiograph_mm: Annotated[float, Between(1, 5000)] | None = None
    """Width of the joint crop, where the film told its spacing."""
    source_mri_sha256: str = ""
    source_radiograph_sha256: str = ""

    def __post_init__(self) -> None:
        """Refuse a pair_id that files cannot be called after."""
        if not is_safe_name(self.pair_id):
            raise UnfitError(f"pair_id {self.pair_id[:80]!r} cannot be the name of a file")


def read_index(folder: Path, facts: DatasetFacts) -> "pd.DataFrame":
    """index.csv as a table, pair_id as its index.

    Raises:
        InconsistentError: it is not as it was written, or does not agree with dataset.json or itself.
    """
    import pandas as pd

    file = folder / INDEX
    require_sha256(file, facts.index_sha256 or _recorded(folder), REBUILD)
    rows = read_table(file, IndexRow, advice=REBUILD)
    reason = _contradiction(rows, facts)
    if reason:
        raise InconsistentError(f"{file} cannot be used ({reason}): {REBUILD}")
    table = pd.DataFrame([asdict(row) for row in rows], columns=list(IndexRow.__dataclass_fields__))
    return table.astype({"row": "int64", "radiograph_mm": "float64"}).set_index("pair_id")


def _recorded(folder: Path) -> str | None:
    """The hash of index.csv in run.json, where dataset.json of an earlier version does not tell it."""
    record = read_record(folder)
    return (record.outputs or {}).get(INDEX) if record else None


def _contradiction(rows: list[IndexRow], facts: DatasetFacts) -> str | None:
    """What cannot be in a table whose rows are fit one by one; None where nothing is wrong."""
    twice = next((name for name, count in Counter(row.pair_id for row in rows).items() if count > 1), None)
    if twice:
        return f"{twice} stands in it twice"
    strange = next((row.shard for row in rows if row.shard not in facts.shards), None)
    if strange:
        return f"{strange[:80]!r} is no shard of dataset.json"
    places = Counter((row.shard, row.row) for row in rows)
    (shard, row), count = places.most_common(1)[0] if places else (("", 0), 0)
    if count > 1:
        return f"two pairs stand in row {row} of {shard}"
    held = Counter(one.shard for one in rows)
    beyond = next((one for one in rows if one.row >= held[one.shard]), None)
    if beyond:
        return f"it has {held[beyond.shard]} pairs of {beyond.shard}, and row {beyond.row} of them"
    splits = Counter[str](one.split for one in rows)
    told = facts.pairs_per_split
    if told is not None and any(splits[split] != number for split, number in told.items()):
        return f"it has {len(rows)} pairs, dataset.json {sum(told.values())}, or in other splits"
    leaked = leak([asdict(one) for one in rows])
    return f"{leaked}" if leaked else None


def leak(rows: Iterable[Mapping[str, Any]]) -> str | None:
    """What stands in two splits, in words: a participant, or one and the same image; None when nothing does.

    Args:
        rows: of index.csv.
    """
    seen: dict[tuple[str, str], Mapping[str, Any]] = {}
    for row in rows:
        for column in ("participant", "source_mri_sha256", "source_radiograph_sha256"):
            if not row[column]:
                continue
            first = seen.setdefault((column, row[column]), row)
            if first["split"] != row["split"]:
                pairs = " and ".join(f"{one['pair_id']} ({one['split']})" for one in (first, row))
                what = "participant" if column == "participant" else "image"
                return f"{pairs} have the same {what}"
    return None
