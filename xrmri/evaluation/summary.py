"""What all scores say together: tables, and the summary."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, replace
from typing import cast

import numpy as np
import pandas as pd

from xrmri.config import Evaluate
from xrmri.evaluation.agreement import agreement
from xrmri.evaluation.case import Scored
from xrmri.evaluation.ceiling_words import FEWEST
from xrmri.evaluation.entries import ComparisonEntry, ContinuityEntry, DifferenceEntry, RejectedEntry, SpreadEntry
from xrmri.evaluation.fidelity import fidelity
from xrmri.evaluation.recognition import MeanBriefs, recognition
from xrmri.evaluation.result import EvaluationHeader, Further, Summary
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
    header: EvaluationHeader,
    further: Further,
) -> Summary:
    """All scores over participants.

    Args:
        tables: source -> one row a pair, as `volume_table` gives it; the same rows in all. Sources that are neither
            baselines nor the acquired volumes are further runs.
        scored: the same pairs.
        config: resamples and seed.
        mean: the mean training volume in brief; None where there is none.
        missing: source -> why it is not there.
        header: what was compared with what.
        further: what was examined beside the metrics.
    """
    generated = tables[GENERATED]
    compared = generated[generated["reason"] == ""]
    people = generated["participant"].tolist()
    recognised = recognition(scored, people, mean, config)
    plainest = recognised["squared"]["sources"][GENERATED] if recognised else None
    rejected = tuple(
        RejectedEntry(pair_id=case.pair_id, file=case.file, reason=case.reason) for case in scored if case.reason
    )
    summary = Summary(
        **{field.name: getattr(part, field.name) for part in (header, further) for field in fields(part)},
        scores={
            metric.name: {source: _spread(table[metric.name], table, config) for source, table in tables.items()}
            for metric in METRICS
        },
        adjacent_correlation_own=_spread(generated["adjacent_correlation_own"], generated, config),
        continuity={
            run: _continuity(table, config) for run, table in tables.items() if run == GENERATED or run not in BY_NAME
        },
        differences={
            name: {
                source: _judged(_difference(generated[name], table[name], generated, config))
                for source, table in tables.items()
                if source in BY_NAME.keys() - {GENERATED, ACQUIRED}
            }
            for name in LIKENESS
        },
        by_kl={
            metric.name: {str(kl): _spread(rows[metric.name], rows, config) for kl, rows in compared.groupby("kl")}
            for metric in METRICS
        },
        by_kl_sources={name: {source: _by_grade(table, name) for source, table in tables.items()} for name in LIKENESS},
        recognition=recognised,
        identification=plainest,
        identification_accuracy=plainest["accuracy"] if plainest else None,
        fidelity=fidelity(scored, people, config),
        agreement=agreement(tables, config),
        share_of_ceiling=shares_of_ceiling(tables, config),
        skipped_baselines=dict(missing),
        rejected=rejected,
        counts={
            "pairs": len(scored),
            "volumes": len(compared),
            "rejected": len(rejected),
            "participants": int(compared["participant"].nunique()),
            "slices": int(sum(len(case.slices["slice"]) for case in scored if case.slices)),
            "slices_without_joint": int(compared["slices_without_joint"].sum()),
        },
    )
    return replace(summary, verdicts=tuple(verdicts(summary)))


def compare_runs(tables: Mapping[str, pd.DataFrame], config: Evaluate) -> tuple[ComparisonEntry, ...]:
    """Every two runs by every measure of likeness, on the volumes both have, p values corrected by Holm over them all.

    Args:
        tables: run -> its volume table; the first is the run that the report is about.
        config: resamples and seed.

    Returns:
        one row a comparison: metric, runs, median difference and interval, effect, p, corrected p and a verdict.
    """
    runs, found = list(tables), []
    for name in LIKENESS:
        for place, one in enumerate(runs):
            for other in runs[place + 1 :]:
                apart = _difference(tables[one][name], tables[other][name], tables[one], config)
                found += [(name, one, other, apart)] if apart else []
    corrected = holm([apart.p for *_, apart in found])
    return tuple(_row(*one, p_holm=p) for one, p in zip(found, corrected, strict=True))


def _row(metric: str, one: str, other: str, apart: Difference, *, p_holm: float) -> ComparisonEntry:
    above = "higher" if apart.median > 0 else "lower"
    told = above if p_holm < 0.05 else "not told apart"
    verdict = told if apart.participants >= FEWEST else "too few participants"
    row = {"metric": metric, "one": one, "other": other, **asdict(apart), "p_holm": p_holm, "verdict": verdict}
    return cast(ComparisonEntry, row)


def _by_grade(table: pd.DataFrame, name: str) -> dict[str, float | None]:
    """KL grade -> median over participants."""
    found = {}
    for grade, rows in table[table["reason"] == ""].groupby("kl"):
        means = participant_means(rows[name].to_numpy(float), rows["participant"].tolist())
        found[str(grade)] = float(np.median(means)) if means.size else None
    return found


def _spread(values: pd.Series, table: pd.DataFrame, config: Evaluate) -> SpreadEntry | None:
    found = spread(values.to_numpy(float), table["participant"].tolist(), resamples=config.bootstrap, seed=config.seed)
    return cast(SpreadEntry, asdict(found)) if found else None


def _continuity(table: pd.DataFrame, config: Evaluate) -> ContinuityEntry | None:
    """Mean correlation of neighbours among all slices that a run drew, and how many it drew of a volume."""
    found = _spread(table["adjacent_correlation_own"], table, config)
    if found is None:
        return None
    return {**found, "slices": int(table.loc[table["reason"] == "", "generated_slices"].median())}


def _difference(one: pd.Series, other: pd.Series, table: pd.DataFrame, config: Evaluate) -> Difference | None:
    """One minus the other within each participant."""
    return difference(
        one.to_numpy(float),
        other.to_numpy(float),
        table["participant"].tolist(),
        resamples=config.bootstrap,
        seed=config.seed,
    )


def _judged(found: Difference | None) -> DifferenceEntry | None:
    """A difference to a baseline, and what it means.

    No correction is needed here: the report says "better" only where a run beats every baseline by every measure, and
    that is wrong no more often than its weakest test.
    """
    if found is None:
        return None
    low, high = found.interval
    told = "better" if low > 0 else "worse" if high < 0 else "no better"
    verdict = told if found.participants >= FEWEST else "too few participants"
    return cast(DifferenceEntry, {**asdict(found), "verdict": verdict})
