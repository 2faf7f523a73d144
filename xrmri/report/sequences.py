"""The paper's Fig. 4 of any release: how many slices each sequence has, and how bright they are along the knee."""

from collections.abc import Mapping
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from xrmri.report.figures import STYLE, Drawn, save
from xrmri.sequences import SEQUENCES

_COLOURS = {sequence.name: sequence.colour for sequence in SEQUENCES}
_NAMES = {sequence.name: sequence.title for sequence in SEQUENCES}


def draw_sequences(
    folder: Path, counts: pd.DataFrame, grey: pd.DataFrame, window: tuple[float, float], *, kept: tuple[int, int]
) -> Drawn:
    """Draw both panels.

    Args:
        folder: exists.
        counts: columns sequence and slices, one row a series.
        grey: columns sequence, position in [0, 1] from the back of the knee, and lower, median, upper in [0, 1].
        window: positions between which slices are kept.
        kept: the first slice kept, counted from 0, and the first no longer kept.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(10, 4.2), layout="constrained")
        left, right = figure.subplots(1, 2)
        found = [name for name in _COLOURS if (counts["sequence"] == name).any()]
        totals: Mapping[str, int] = counts["sequence"].value_counts().to_dict()
        for place, name in enumerate(found):
            own = counts.loc[counts["sequence"] == name, "slices"].value_counts().sort_index()
            shift = 0.3 * (place - (len(found) - 1) / 2)
            share = 100 * own / totals[name]
            label = f"{_NAMES[name]}, n = {totals[name]}"
            left.bar(own.index + shift, share, width=0.9, color=_COLOURS[name], label=label)
        left.set_xlabel("slices")
        left.set_ylabel("series of the sequence (%)")
        left.set_title("a  Number of slices", loc="left", fontweight="bold")
        left.legend(frameon=False, loc="upper center", fontsize=8.5)
        left.set_ylim(0, 135)
        left.set_yticks(range(0, 101, 20))
        right.axvspan(*window, color="#e8e8e8", zorder=0)
        for name in found:
            own = grey[grey["sequence"] == name]
            broad = name == "T1"
            if broad:
                right.fill_between(own["position"], own["lower"], own["upper"], color=_COLOURS[name], alpha=0.2)
            width = 2.2 if broad else 1.1
            right.plot(own["position"], own["median"], color=_COLOURS[name], linewidth=width, label=name)
        top = 1.3 * right.get_ylim()[1]  # room for words above the curves
        # Whole per cent below, as the paper counts.
        text = f"kept: {int(100 * window[0])} % to {int(100 * window[1])} %, slices {kept[0]} to {kept[1] - 1}"
        right.text(np.mean(window), top * 0.98, text, ha="center", va="top", fontsize=8.5, color="#444444")
        right.set_xlim(0, 1)
        right.set_ylim(0, top)
        right.set_xlabel("slice position, 0 behind and 1 in front")
        right.set_ylabel("mean grey value")
        right.set_title("b  Mean grey value along the knee", loc="left", fontweight="bold")
        right.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, 0.94), ncols=3, fontsize=8.5)
    words = (
        "a: share of the series of each sequence that have so many slices. b: median over the series of the mean grey "
        "value of each slice, as a share of the series' own window; for T1 the quartiles too. Grey: the slices kept."
    )
    return save(figure, folder / "sequences", "The coronal sequences of the release", words)
