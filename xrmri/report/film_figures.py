"""Figures of a phantom's films: joint crops by grade, and their statistics beside those of real crops."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from xrmri.storage.files import complete_or_absent

Spread = Mapping[str, tuple[float, float, float]]
_COLUMNS = 8
_STYLE: Any = {"font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "image.cmap": "gray"}
_REAL, _PHANTOM = "#8a5a00", "#0b6e99"


def draw_crops_by_grade(file: Path, crops: Mapping[int, Sequence[NDArray[np.uint8]]]) -> None:
    """A row of joint crops for each Kellgren-Lawrence grade.

    Args:
        file: ends in .png.
        crops: grade to crops, (H, W); the first eight are shown.
    """
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(1.5 * _COLUMNS, 1.55 * len(crops)), layout="constrained")
        axes = figure.subplots(len(crops), _COLUMNS, squeeze=False)
        for row, grade in zip(axes, sorted(crops), strict=True):
            row[0].set_ylabel(f"KL {grade}")
            for number, axis in enumerate(row):
                axis.set(xticks=[], yticks=[])
                axis.spines[:].set_visible(False)
                if number < len(crops[grade]):
                    axis.imshow(crops[grade][number], vmin=0, vmax=255)
        _save(figure, file)


def draw_film_statistics(
    file: Path, phantom: Spread, real: Spread, *, histograms: tuple[Sequence[float], Sequence[float]]
) -> None:
    """Grey, gradient and spectrum of the cohort beside those of the real crops.

    Args:
        file: ends in .png.
        phantom: statistic to the 10th, 50th and 90th percentile over the cohort.
        real: the same of the real crops.
        histograms: share of pixels in equal steps of grey, %, of the cohort and of the real crops.
    """
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(12, 4), layout="constrained")
        grey, others, octaves = figure.subplots(1, 3)
        edges = np.linspace(0, 256, len(histograms[0]) + 1)
        for shares, name, colour in zip(histograms, ("phantom", "real"), (_PHANTOM, _REAL), strict=True):
            grey.stairs(shares, edges, color=colour, label=name, linewidth=1.8)
        grey.set(xlabel="grey level", ylabel="share of pixels, %", title="Histogram")
        grey.legend(frameon=False)
        bands = [name for name in real if name.startswith("spectrum")]
        _draw_spreads(others, [name for name in real if name not in bands], phantom, real)
        others.set(title="Median, 10th to 90th percentile of crops", ylabel="grey levels", yscale="log")
        _draw_spreads(octaves, bands, phantom, real)
        octaves.set(title="Spectrum by octave, cycles per crop", ylabel="root mean square, grey levels", yscale="log")
        _save(figure, file)


def _draw_spreads(axis: mpl.axes.Axes, names: Sequence[str], phantom: Spread, real: Spread) -> None:
    """Medians with their 10th to 90th percentiles, phantom beside real."""
    for shift, spread, colour in ((-0.14, phantom, _PHANTOM), (0.14, real, _REAL)):
        low, middle, high = np.array([spread[name] for name in names]).T
        places = np.arange(len(names)) + shift
        axis.vlines(places, np.maximum(low, 0.1), high, color=colour, linewidth=3, alpha=0.5)
        axis.plot(places, middle, "o", color=colour, markersize=5)
    axis.set_xticks(range(len(names)), [name.removeprefix("spectrum ") for name in names], rotation=60, ha="right")


def _save(figure: Figure, file: Path) -> None:
    """Write a figure: the whole file or none."""
    with complete_or_absent(file) as partial:
        figure.savefig(partial, format="png", dpi=130, metadata={"Software": None})
