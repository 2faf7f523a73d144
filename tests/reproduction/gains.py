"""Does the joint region gain most? Gains over the best rival, with intervals, for the results of `make reproduce`."""

from pathlib import Path

import numpy as np
import pandas as pd

from tests.reproduction.telling import NOTHING, OWN, RIVALS, scored, summary, table
from xrmri.metrics.interval import drawn_again, interval_of

METRICS = ("psnr", "ssim", "rssim")
NOBODY, CEILING = "wrong_patient", "twin"
RESAMPLES, SEED = 2_000, 0
COLUMNS = ["seed", "method", "measure", "gain over the best rival (95 %)",
           "of the way from another patient to a twin (95 %)", "intervals apart"]  # fmt: skip


def joint_gain(work: Path, seeds: dict[str, dict]) -> str:
    """Claim 4: by the rival's score as the paper counts, and by the way to a twin; participants are drawn again."""
    rows = []
    for seed, found in seeds.items():
        values = by_participant(work / f"evaluation-{seed}")
        people = sorted(values["participant"].unique())
        draws = np.vstack([np.arange(len(people)), drawn_again(len(people), resamples=RESAMPLES, seed=SEED)])
        for own in OWN:
            shares = {}
            for metric in METRICS:
                names = (own, *RIVALS, NOBODY, CEILING)
                medians = {name: medians_of(values[values["source"] == name], metric, people, draws) for name in names}
                best = np.fmax.reduce([medians[name] for name in RIVALS])  # chosen anew each time: it was chosen, too
                gain, way = medians[own] - best, medians[CEILING] - medians[NOBODY]
                shares[metric] = np.where(way > 0, gain / np.where(way > 0, way, 1), np.nan)
                told = [percent(gain / np.abs(best)), percent(shares[metric]), apart(found, metric, own)]
                rows.append([seed, own, metric, *told])
            for other in ("psnr", "ssim"):
                less = percent(shares["rssim"] - shares[other])
                rows.append([seed, own, f"rssim less {other}", NOTHING, less, NOTHING])
    return "## Does the joint gain most?\n\n" + table(COLUMNS, rows)


def by_participant(folder: Path) -> pd.DataFrame:
    """Columns participant, source and the metrics: the mean over a participant's volumes, one row for each source."""
    own = pd.read_csv(folder / "volumes.csv").assign(source=summary(folder)["run_names"][0])
    every = pd.concat([own, pd.read_csv(folder / "baselines.csv")])
    return every.groupby(["participant", "source"])[list(METRICS)].mean().reset_index()


def medians_of(values: pd.DataFrame, metric: str, people: list, draws: np.ndarray) -> np.ndarray:
    """Of one source over the participants of each draw; NaN where none has a value."""
    rows = values.set_index("participant")[metric].reindex(people).to_numpy(float)
    found = np.full(len(draws), np.nan)
    seen = np.isfinite(rows[draws]).any(axis=1)
    found[seen] = np.nanmedian(rows[draws[seen]], axis=1)
    return found


def percent(draws: np.ndarray) -> str:
    """The first is the cohort's, the others are of participants drawn again."""
    interval = interval_of(draws[1:], len(draws))
    if not np.isfinite(draws[0]) or interval is None:
        return NOTHING
    low, high = interval
    return f"{draws[0]:+.1%} ({low:+.1%} to {high:+.1%})"


def apart(found: dict, metric: str, own: str) -> str:
    """Whether the 95 % intervals of the method and of the best rival leave each other alone."""
    ours, theirs = scored(found, metric, own), [scored(found, metric, rival) for rival in RIVALS]
    if not ours or not any(theirs):
        return NOTHING
    best = max(filter(None, theirs), key=lambda one: one["median"])
    return "yes" if ours["interval"][0] > best["interval"][1] else "no"
