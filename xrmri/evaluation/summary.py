"""What all scores say together: tables, and summary.json."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from xrmri.config import Evaluate
from xrmri.evaluation.agreement import agreement
from xrmri.evaluation.case import Scored
from xrmri.evaluation.ceiling_words import FEWEST
from xrmri.evaluation.fidelity import fidelity
from xrmri.evaluation.recognition import MeanBriefs, recognition
from xrmri.evaluation.shares import shares_of_ceiling
from xrmri.evaluation.sources import ACQUIRED, BY_NAME, GENERATED
from xrmri.evaluation.verdicts import verdicts
from xrmri.metrics.difference import Difference, difference, holm
from xrmri.metrics.interval import participant_means, spread
from xrmri.metrics.table import LIKENESS, METRICS


def volume_table(scored: Sequence[Scored], index: pd.DataFrame, source: str = GENERATED) -> pd.DataFrame:
    """One row a pair: whose it is, why it has no scores where it has none, and one column a metric."""
    rows = []
    for case in scored:
        about = index.loc[case.pair_id]
        scores = case.scores.get(source, {})
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
                "adjacent_correlation_own": case.own_continuity,
                "slices_without_joint": int((~case.slices["joint"]).sum()) if case.slices else 0,
                **{metric.name: scores.get(metric.name, np.nan) for metric in METRICS},
            }
        )
    return pd.DataFrame(rows).astype({"kl": "Int64"})


def slice_table(scored: Sequence[Scored]) -> pd.DataFrame:
    """One row a compared slice of a generated volume, one column a metric."""
    tables = [pd.DataFrame({"pair_id": case.pair_id, **case.slices}) for case in scored if case.slices]
    return pd.concat(tables, ignore_index=True)


def grey_table(scored: Sequence[Scored]) -> pd.DataFrame:
    """Mean intensity of each compared slice: depth, generated, acquired."""
    tables = [
        pd.DataFrame({"depth": case.slices["depth"], "generated": case.grey_values[0], "acquired": case.grey_values[1]})
        for case in scored
        if case.grey_values
    ]
    return pd.concat(tables, ignore_index=True)


def summarise(
    tables: Mapping[str, pd.DataFrame],
    scored: Sequence[Scored],
    config: Evaluate,
    *,
    mean: MeanBriefs | None,
    missing: Mapping[str, str],
    further: Mapping[str, Any],
) -> dict[str, Any]:
    """All scores over participants.

    Args:
        tables: source -> one row a pair, as `volume_table` gives it; the same rows in all. Sources that are neither
            baselines nor the acquired volumes are further runs.
        scored: the same pairs.
        config: resamples and seed.
        mean: the mean training volume in brief; None where there is none.
        missing: source -> why it is not there.
        further: what was examined beside the metrics; it goes into the summary, and into the verdicts.

    Returns:
        what summary.json holds, but for its header.
    """
    generated = tables[GENERATED]
    compared = generated[generated["reason"] == ""]
    found: dict[str, Any] = {
        metric.name: {source: _spread(table[metric.name], table, config) for source, table in tables.items()}
        for metric in METRICS
    }
    found["adjacent_correlation_own"] = _spread(generated["adjacent_correlation_own"], generated, config)
    found["continuity"] = {
        run: _continuity(table, config) for run, table in tables.items() if run == GENERATED or run not in BY_NAME
    }
    found["differences"] = {
        name: {
            source: _judged(_difference(generated[name], table[name], generated, config))
            for source, table in tables.items()
            if source in BY_NAME.keys() - {GENERATED, ACQUIRED}
        }
        for name in LIKENESS
    }
    found["by_kl"] = {
        name: {str(kl): _spread(rows[name], rows, config) for kl, rows in compared.groupby("kl")}
        for name in (metric.name for metric in METRICS)
    }
    found["by_kl_sources"] = {
        name: {source: _by_grade(table, name) for source, table in tables.items()} for name in LIKENESS
    }
    people = generated["participant"].tolist()
    found["recognition"] = recognition(scored, people, mean, config)
    found["identification"] = found["recognition"] and found["recognition"]["squared"]["sources"][GENERATED]
    found["identification_accuracy"] = found["identification"] and found["identification"]["accuracy"]
    found["fidelity"] = fidelity(scored, people, config)
    found["agreement"] = agreement(tables, config)
    found["share_of_ceiling"] = shares_of_ceiling(tables, config)
    found["skipped_baselines"] = dict(missing)
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
    found |= further
    found["verdicts"] = verdicts(found)
    return found


def compare_runs(tables: Mapping[str, pd.DataFrame], config: Evaluate) -> list[dict[str, Any]]:
    """Every two runs by every measure of likeness, on the volumes both have, p values corrected by Holm over them all.

    Args:
        tables: run -> its volume table; the first is the run that the report is about.
        config: resamples and seed.

    Returns:
        one row a comparison: metric, runs, median difference and interval, effect, p, corrected p and a verdict.
    """
    runs, rows = list(tables), []
    for name in LIKENESS:
        for place, one in enumerate(runs):
            for other in runs[place + 1 :]:
                found = _difference(tables[one][name], tables[other][name], tables[one], config)
                if found:
                    rows.append({"metric": name, "one": one, "other": other, **asdict(found)})
    for row, corrected in zip(rows, holm([row["p"] for row in rows]), strict=True):
        above = "higher" if row["median"] > 0 else "lower"
        row["p_holm"] = corrected
        row["verdict"] = above if corrected < 0.05 else "not told apart"
    return rows


def _by_grade(table: pd.DataFrame, name: str) -> dict[str, float | None]:
    """KL grade -> median over participants."""
    found = {}
    for grade, rows in table[table["reason"] == ""].groupby("kl"):
        means = participant_means(rows[name].to_numpy(float), rows["participant"].tolist())
        found[str(grade)] = float(np.median(means)) if means.size else None
    return found


def _spread(values: pd.Series, table: pd.DataFrame, config: Evaluate) -> dict[str, Any] | None:
    found = spread(values.to_numpy(float), table["participant"].tolist(), resamples=config.bootstrap, seed=config.seed)
    return asdict(found) if found else None


def _continuity(table: pd.DataFrame, config: Evaluate) -> dict[str, Any] | None:
    """Mean correlation of neighbours among all slices that a run drew, and how many it drew of a volume."""
    found = _spread(table["adjacent_correlation_own"], table, config)
    return found and {"slices": int(table.loc[table["reason"] == "", "generated_slices"].median()), **found}


def _difference(one: pd.Series, other: pd.Series, table: pd.DataFrame, config: Evaluate) -> Difference | None:
    """One minus the other within each participant."""
    return difference(
        one.to_numpy(float),
        other.to_numpy(float),
        table["participant"].tolist(),
        resamples=config.bootstrap,
        seed=config.seed,
    )


def _judged(found: Difference | None) -> dict[str, Any] | None:
    """A difference to a baseline, and what it means.

    No correction is needed here: the report says "better" only where a run beats every baseline by every measure, and
    that is wrong no more often than its weakest test.
    """
    if found is None:
        return None
    low, high = found.interval
    told = "better" if low > 0 else "worse" if high < 0 else "no better"
    return {**asdict(found), "verdict": told if found.participants >= FEWEST else "too few participants"}
