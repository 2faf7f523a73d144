"""What all figures say together: summary.json, and the same in words.

A generated volume that is no better than another patient's, than the mean of all, or than the nearest training case,
has learnt nothing that counts; the words say so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from xrmri.config import Evaluate
from xrmri.evaluation.case import GENERATED, MEAN_VOLUME, NEAREST_TRAINING, WRONG_PATIENT, Scored
from xrmri.evaluation.ceiling import VAE_CEILING
from xrmri.metrics.identification import identify
from xrmri.metrics.interval import participant_means, spread
from xrmri.metrics.measure import METRICS

TITLES = {
    WRONG_PATIENT: "another patient's volume",
    MEAN_VOLUME: "the mean training volume",
    NEAREST_TRAINING: "the nearest training case",
    VAE_CEILING: "the VAE's reconstruction",
}
RIVALS = (WRONG_PATIENT, MEAN_VOLUME, NEAREST_TRAINING)
LIKENESS = ("psnr", "ssim", "ssim_gaussian", "rssim")
FEWEST = 6
"""Below six participants no sign test can reach 5 %, so no difference is called one."""


def volume_table(scored: Sequence[Scored], index: pd.DataFrame, source: str = GENERATED) -> pd.DataFrame:
    """One row a pair: whose it is, why it has no figures where it has none, and one column a metric."""
    rows = []
    for case in scored:
        about = index.loc[case.pair_id]
        figures = case.figures.get(source, {})
        rows.append(
            {
                "pair_id": case.pair_id,
                "participant": about["participant"],
                "visit": about["visit"],
                "side": about["side"],
                "split": about["split"],
                "kl": about["kl"],
                "file": case.file,
                "reason": case.reason,
                "generated_slices": case.generated_slices,
                "slices_without_joint": int((~case.slices["joint"]).sum()) if case.slices else 0,
                **{metric.name: figures.get(metric.name, np.nan) for metric in METRICS},
            }
        )
    return pd.DataFrame(rows).astype({"kl": "Int64"})


def slice_table(scored: Sequence[Scored]) -> pd.DataFrame:
    """One row a compared slice of a generated volume, one column a metric."""
    tables = [pd.DataFrame({"pair_id": case.pair_id, **case.slices}) for case in scored if case.slices]
    return pd.concat(tables, ignore_index=True)


def summarise(
    tables: Mapping[str, pd.DataFrame], scored: Sequence[Scored], config: Evaluate, skipped: Mapping[str, str]
) -> dict[str, Any]:
    """All figures over participants.

    Args:
        tables: source -> one row a pair, as `volume_table` gives it; the same rows in all.
        scored: the same pairs.
        config: resamples and seed.
        skipped: baseline -> why it is not there.

    Returns:
        what summary.json holds, but for its header.
    """
    generated = tables[GENERATED]
    compared = generated[generated["reason"] == ""]
    found: dict[str, Any] = {
        metric.name: {source: _spread(table[metric.name], table, config) for source, table in tables.items()}
        for metric in METRICS
    }
    found["differences"] = {
        name: {
            source: _difference(generated[name] - table[name], generated, config)
            for source, table in tables.items()
            if source in TITLES
        }
        for name in LIKENESS
    }
    found["by_kl"] = {
        name: {str(kl): _spread(rows[name], rows, config) for kl, rows in compared.groupby("kl")}
        for name in (metric.name for metric in METRICS)
    }
    found["identification"] = _identification(scored, generated, config)
    found["identification_accuracy"] = found["identification"] and found["identification"]["accuracy"]
    found["skipped_baselines"] = dict(skipped)
    found["rejected"] = [
        {"pair_id": case.pair_id, "file": case.file, "reason": case.reason} for case in scored if case.reason
    ]
    found["counts"] = {
        "pairs": len(scored),
        "volumes": len(compared),
        "rejected": len(found["rejected"]),
        "participants": int(compared["participant"].nunique()),
        "slices": int(sum(len(case.slices["slice"]) for case in scored if case.slices)),
        "slices_without_joint": int(compared["slices_without_joint"].sum()),
    }
    found["verdicts"] = verdicts(found)
    return found


def verdicts(summary: Mapping[str, Any]) -> list[str]:
    """What the figures mean, in sentences; the first is the conclusion."""
    people = summary["counts"]["participants"]
    if people < FEWEST:
        return [
            f"Only {people} participant{'s' * (people != 1)}: too few to call any difference one. "
            "The figures describe these volumes and say nothing about the model."
        ]
    rivals = [name for name in RIVALS if any(summary["differences"][metric].get(name) for metric in LIKENESS)]
    titles = {metric.name: metric.title for metric in METRICS}
    lines, beaten = [], set(rivals)
    for name in LIKENESS:
        differences = {rival: summary["differences"][name][rival] for rival in rivals}
        groups: dict[str, list[str]] = {"better": [], "no better": [], "worse": []}
        for rival, difference in differences.items():
            if difference:
                groups[difference["verdict"]].append(f"{TITLES[rival]} ({_range(name, difference['interval'])})")
                if difference["verdict"] != "better":
                    beaten.discard(rival)
        told = [f"{verdict} than {_listed(group)}" for verdict, group in groups.items() if group]
        if told:
            lines.append(f"{titles[name]}: {'; '.join(told)}.")
    if lines:
        lines.append("In brackets: 95 % interval of the median difference within participants.")
    named = summary["identification"]
    if named:
        sure = named["interval"][0] > named["chance"]
        lines.append(
            f"{100 * named['accuracy']:.0f} % of the volumes are closest to their own patient among "
            f"{named['candidates']} acquired volumes; guessing gives {100 * named['chance']:.0f} %"
            + ("." if sure else ", and the interval does not exclude guessing.")
        )
    return [_conclusion(rivals, beaten), *lines]


def _conclusion(rivals: Sequence[str], beaten: set[str]) -> str:
    if not rivals:
        return "No baseline could be computed: the figures cannot be judged."
    lost = [TITLES[name] for name in rivals if name not in beaten]
    if lost:
        return (
            f"By at least one measure the generated volumes are no better than {_listed(lost)}. "
            "They have not shown that they follow the radiograph."
        )
    won = _listed([TITLES[name] for name in rivals])
    return f"By every measure of likeness the generated volumes are better than {won}."


def _spread(values: pd.Series, table: pd.DataFrame, config: Evaluate) -> dict[str, Any] | None:
    found = spread(
        values.to_numpy(float), table["participant"].tolist(), resamples=config.bootstrap, seed=config.seed
    )
    return asdict(found) if found else None


def _difference(values: pd.Series, table: pd.DataFrame, config: Evaluate) -> dict[str, Any] | None:
    """Spread of generated minus baseline within each participant, and what it means."""
    found = _spread(values, table, config)
    if found is None:
        return None
    low, high = found["interval"]
    if found["participants"] < FEWEST:
        return {**found, "verdict": "too few participants"}
    return {**found, "verdict": "better" if low > 0 else "worse" if high < 0 else "no better"}


def _identification(scored: Sequence[Scored], table: pd.DataFrame, config: Evaluate) -> dict[str, Any] | None:
    """Whether generated volumes are recognised; None for a single participant."""
    seen = [(case.signatures, name) for case, name in zip(scored, table["participant"], strict=True) if case.signatures]
    participants = [name for _, name in seen]
    if len(set(participants)) < 2:
        return None
    found = identify(*(np.stack(part) for part in zip(*(pair for pair, _ in seen), strict=True)), participants)
    right = participant_means(found.right.astype(float), participants)
    drawn = np.random.default_rng(config.seed).integers(len(right), size=(config.bootstrap, len(right)))
    low, high = np.quantile(right[drawn].mean(axis=1), (0.025, 0.975))
    return {
        "accuracy": float(right.mean()),
        "interval": (float(low), float(high)),
        "chance": found.chance,
        "median_rank": float(np.median(found.rank)),
        "candidates": len(seen),
        "participants": len(right),
    }


def _range(metric: str, interval: Sequence[float]) -> str:
    digits, unit = (1, " dB") if metric == "psnr" else (3, "")
    return f"{interval[0]:+.{digits}f} to {interval[1]:+.{digits}f}{unit}"


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
