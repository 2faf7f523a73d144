"""Small figures of `make reproduce`: box plots of all seeds, correlation of neighbours, and signs in their place."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from PIL import Image

from tests.reproduction.claims import drawn
from tests.reproduction.telling import BOXED, CONTROLS, summary

WIDEST_PIXELS, SHADES = 760, 96


def boxes(work: Path, file: Path) -> None:
    """Fig. 5: one value a volume, all seeds together."""
    tables = []
    for folder in sorted(work.glob("evaluation-seed*")):
        own = pd.read_csv(folder / "volumes.csv").assign(source=summary(folder)["run_names"][0])
        tables += [own, pd.read_csv(folder / "baselines.csv")]
    every = pd.concat(tables)
    figure = Figure(figsize=(7.5, 5.5), layout="constrained")
    for axes, metric in zip(figure.subplots(3, 1, sharex=True), ("psnr", "ssim", "rssim"), strict=True):
        found = {name: every.loc[every["source"] == name, metric].dropna() for name in BOXED}
        found = {name: values for name, values in found.items() if len(values)}
        axes.boxplot(list(found.values()), widths=0.5, flierprops={"marker": ".", "markersize": 3})
        labels = [name.replace("_", "\n").replace("-", "-\n") for name in found]
        axes.set_xticks(range(1, len(found) + 1), labels, fontsize=6)
        axes.set_ylabel(metric.upper() + (" (dB)" if metric == "psnr" else ""))
        axes.axvline(sum(name not in CONTROLS for name in found) + 0.5, color="#999999", linewidth=0.8)
    save(figure, file)


def curves(depths: dict[str, dict], file: Path) -> None:
    """Fig. 6."""
    figure = Figure(figsize=(5, 3), layout="constrained")
    axes = figure.subplots()
    for noise, found in depths.items():
        points = drawn(found)
        heights = [one["median"] for one in points]
        axes.plot([one["slices"] for one in points], heights, "o-", markersize=3, label=f"{noise} noise")
    acquired = [found["adjacent_correlation"]["acquired"] for found in depths.values()]
    if acquired and acquired[0]:
        axes.axhline(acquired[0]["median"], color="#b00020", linestyle="--", linewidth=1, label="acquired")
    axes.set_xlabel("slices drawn")
    axes.set_ylabel("correlation of neighbours")
    axes.legend(frameon=False)
    save(figure, file)


def sign_figure(panels: Mapping[str, np.ndarray], mask: np.ndarray, file: Path) -> None:
    """Table III: a slice as acquired and as drawn, the sign's true outline in each, and what the reading changed.

    Args:
        panels: title -> (H, W) in [0, 1]; the last two are without and with the sign.
        mask: (H, W) bool, where the sign is.
        file: PNG.
    """
    without, with_sign = list(panels.values())[-2:]
    figure = Figure(figsize=(7.5, 2.2), layout="constrained")
    axes = figure.subplots(1, len(panels) + 1)
    for own, (title, pixels) in zip(axes, panels.items(), strict=False):
        own.imshow(pixels, cmap="gray", vmin=0, vmax=1)
        own.set_title(title)
    axes[-1].imshow(with_sign - without, cmap="RdBu_r", vmin=-0.5, vmax=0.5)
    axes[-1].set_title("change")
    for own in axes:
        if mask.any():
            own.contour(mask, levels=[0.5], colors="#ffb000", linewidths=0.6)
        own.axis("off")
    save(figure, file)


def save(figure: Figure, file: Path) -> None:
    figure.savefig(file, dpi=100, metadata={"Software": None})
    shrink(file, file)


def shrink(picture: Path, file: Path) -> None:
    """A figure of tens of kilobytes."""
    with Image.open(picture) as image:
        small = image.convert("RGB")
    small.thumbnail((WIDEST_PIXELS, 10 * WIDEST_PIXELS))
    small.quantize(SHADES).save(file, optimize=True)
