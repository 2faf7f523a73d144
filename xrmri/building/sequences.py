"""A release -> figures/ of a dataset: the paper's Fig. 4 of its coronal sequences, and the tables it is drawn from."""

import logging
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from xrmri.cohorts.description import sequence_of
from xrmri.cohorts.release import Release, Series
from xrmri.config import BuildDataset, Execution
from xrmri.data.alignment import unit_range
from xrmri.data.volume import intensity_window, read_series
from xrmri.errors import InputError
from xrmri.evenly import evenly
from xrmri.machine.parallel import in_order
from xrmri.sequences import SEQUENCES
from xrmri.storage.files import complete_or_absent

log = logging.getLogger(__name__)

MOST_SERIES = 100
"""Series of each sequence that are read, evenly spread over the release (choice: a minute of one core)."""
_POSITIONS = np.linspace(0, 1, 101)
_QUARTILES = (25, 50, 75)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Profile:
    """What is shown of one series."""

    slices: int
    grey: np.ndarray
    """Mean grey value at each of the positions, in [0, 1] of the series' window."""


def draw_sequences(release: Release, out: Path, config: BuildDataset, execution: Execution) -> None:
    """Read some series of each sequence and draw them: PNG, PDF and two tables; a warning if there are none.

    Args:
        release: as it was found.
        out: folder of the dataset; figures/ is made in it.
        config: says which slices are kept.
        execution: workers and progress.
    """
    from xrmri.report.sequences import draw_sequences as draw

    chosen = [(name, one) for name, series in _by_sequence(release).items() for one in evenly(series, MOST_SERIES)]
    profiles = []
    for done, found in enumerate(in_order(_profile, [one for _, one in chosen], execution.workers), start=1):
        profiles.append(found)
        execution.progress("figures", done, len(chosen), "series")
    read = [(name, one, found) for (name, one), found in zip(chosen, profiles, strict=True) if found is not None]
    if not read:
        log.warning("no coronal IW, T1 or MPR series of the release can be read: there is no figure")
        return
    counts = pd.DataFrame(
        [(name, one.participant, one.visit, one.number, found.slices) for name, one, found in read],
        columns=["sequence", "participant", "visit", "series", "slices"],
    )
    names = [sequence.name for sequence in SEQUENCES]
    grey = pd.concat([_summary(name, [found.grey for own, _, found in read if own == name]) for name in names])
    folder = out / "figures"
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in (("slice_counts.csv", counts), ("grey_values.csv", grey)):
        with complete_or_absent(folder / name) as partial:
            table.to_csv(partial, index=False, lineterminator="\n", float_format="%.5f")
    window = (config.first_slice / config.slices, config.last_slice / config.slices)
    draw(folder, counts, grey, window, kept=(config.first_slice, config.last_slice))


def _by_sequence(release: Release) -> dict[str, list[Series]]:
    """The series of each coronal sequence."""
    found: dict[str, list[Series]] = defaultdict(list)
    for one in release.series:
        name = sequence_of(one.description)
        if name and not one.problem:
            found[name].append(one)
    return {sequence.name: found[sequence.name] for sequence in SEQUENCES}


def _profile(series: Series) -> _Profile | None:
    """Slice count and grey values of one series; None when it cannot be read."""
    try:
        voxels = read_series(series.files(), series.side or "", None).volume.voxels
        window = intensity_window(voxels)
        means = [float(unit_range(pixels, window).mean()) for pixels in voxels]
    except InputError:
        return None
    grey = np.interp(_POSITIONS, np.linspace(0, 1, len(means)), means)
    return _Profile(slices=len(means), grey=grey)


def _summary(name: str, greys: list[np.ndarray]) -> pd.DataFrame:
    """Median and quartiles of the grey value at each position."""
    columns = ("lower", "median", "upper")
    values = dict(zip(columns, np.percentile(greys, _QUARTILES, axis=0), strict=True)) if greys else {}
    table = pd.DataFrame({"position": _POSITIONS, **values} if greys else {"position": []})
    table.insert(0, "sequence", name)
    return table
