"""What an evaluation shows: figures/ and report.html, from its tables and from the volumes themselves."""

from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import pandas as pd

from xrmri.config import Evaluate
from xrmri.data.alignment import unit_range
from xrmri.errors import XrmriError
from xrmri.evaluation.case import Scored
from xrmri.evaluation.comparison import at_depths, compare, placed, window_of
from xrmri.evaluation.inputs import Opened, single
from xrmri.evaluation.result import Summary
from xrmri.evaluation.sources import GENERATED
from xrmri.evaluation.summary import grey_table
from xrmri.report.figures import CaseImages, chosen_cases, draw_figures
from xrmri.report.page import write_page
from xrmri.report.paper import draw_paper
from xrmri.report.viewer import viewer_case

_KEPT = 4
"""Pictures held at a time: some 100 MB each (choice)."""


def write_report(
    folder: Path,
    tables: Mapping[str, pd.DataFrame],
    scored: Sequence[Scored],
    *,
    summary: Summary,
    opened: Opened,
    config: Evaluate,
) -> None:
    """Write figures/ and report.html.

    Args:
        folder: the evaluation folder.
        tables: source -> one row a pair.
        scored: the same pairs.
        summary: what the evaluation found.
        opened: dataset and files.
        config: cases pictured, Canny width.
    """
    show = lru_cache(_KEPT)(partial(_picture, opened=opened, sigma=config.canny_sigma))
    cases = chosen_cases(tables[GENERATED], config.cases)
    figures = draw_figures(folder / "figures", tables, summary.scores, cases=cases, picture=show)
    figures += draw_paper(
        folder / "figures", tables, grey_table(scored), picture=show, run_name=summary.run_names[0]
    )
    viewer = [viewer_case(f"{rank}: {pair_id}", show(pair_id)) for rank, pair_id in _one_each(cases)]
    write_page(folder / "report.html", summary, tables[GENERATED], figures=figures, viewer=viewer)


def _one_each(cases: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The first case of each rank."""
    ranks: dict[str, str] = {}
    for rank, pair_id in cases:
        ranks.setdefault(rank, pair_id)
    return list(ranks.items())


def _picture(pair_id: str, *, opened: Opened, sigma: float) -> CaseImages:
    """What figures show of a pair that could be compared."""
    data, file = opened.dataset, opened.files[pair_id][0]
    pair = compare(pair_id, file, data)
    shape = data.volume(pair_id).shape
    others = {name: single(files) for name, files in opened.further.items()} | {"": single(opened.flipped)}
    found: dict[str, np.ndarray] = {}
    for name, files in others.items():
        try:
            found[name] = at_depths(pair.slices, pair_id, files[pair_id], data, shape=shape)
        except (KeyError, XrmriError):
            found[name] = np.zeros_like(pair.generated)  # told in its own table; here it stays black
    flipped = found.pop("") if pair_id in others[""] else None
    found.pop("", None)
    voxels = placed(pair_id, file, data, shape)
    slice_mm, row_mm, column_mm = data.geometry(pair_id).spacing_mm
    return CaseImages(
        acquired=pair.acquired,
        generated=pair.generated,
        slices=pair.slices,
        bands=pair.reference(sigma).bands,
        radiograph=data.radiograph(pair_id),
        further=found,
        flipped=flipped,
        drawn=unit_range(voxels, window_of(file, data.window(pair_id))),
        plane=data.facts.plane,
        spacing_mm=(slice_mm * (pair.slices[-1] - pair.slices[0]) / (len(pair.slices) - 1), row_mm, column_mm),
    )
