"""volumes/ + dataset/ -> evaluation/: how good the generated volumes are, beside what no effort would reach."""

import logging
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from xrmri.config import Evaluate, Execution
from xrmri.data.store import Dataset
from xrmri.errors import InputError
from xrmri.evaluation import beyond
from xrmri.evaluation.audit import audit
from xrmri.evaluation.baselines import nearest_pairs, other_patients, training_batches
from xrmri.evaluation.case import Scored, score
from xrmri.evaluation.comparison import common_slices
from xrmri.evaluation.inputs import Files, Inputs, Opened, open_inputs, single, to_look_at_again
from xrmri.evaluation.known import known
from xrmri.evaluation.model_words import told_model
from xrmri.evaluation.recognition import MeanBriefs
from xrmri.evaluation.result import EvaluationHeader, Further, Summary, write_summary
from xrmri.evaluation.ridge import KnownKnees
from xrmri.evaluation.rivals import with_regression
from xrmri.evaluation.sources import GENERATED, SOURCES, VAE_CEILING, missing_of
from xrmri.evaluation.summary import compare_runs, slice_table, summarise, volume_table
from xrmri.evaluation.yardsticks import Yardsticks
from xrmri.evenly import evenly
from xrmri.machine.parallel import in_order
from xrmri.metrics.identification import joint_signature, signature
from xrmri.metrics.joint_box import joint_line
from xrmri.metrics.table import METRICS
from xrmri.report.checklist import checklist
from xrmri.runs.dry_run import foresee
from xrmri.runs.folder import Run, begin
from xrmri.runs.outcome import EvaluateOutcome
from xrmri.runs.record import read_record
from xrmri.runs.versions import versions
from xrmri.storage.files import complete_or_absent, write_text

log = logging.getLogger(__name__)

MEAN_FILE, RIDGE_FILE = "mean_volume.npy", "ridge.npy"
BASELINED = 64
"""Pairs for which baselines are computed, evenly over the cohort: the differences are large or they do not matter, and
four baselines cost twice what the volume itself costs (choice)."""
QUICK_PAIRS, QUICK_TRAINING = 24, 64
_REPORT_BYTES = 15_000_000  # tables, figures and report of 60 volumes take 12 to 13 MB (measured)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TrainingPairs:
    """What the training pairs say, beside their mean."""

    pair_ids: list[str]
    signatures: np.ndarray
    """(m, D) float32."""
    mean: MeanBriefs | None
    """Their mean in brief; None where there are none."""


def run(inputs: Inputs, out: Path, config: Evaluate, execution: Execution) -> EvaluateOutcome:
    """Compare generated with acquired volumes and write tables, figures and a report.

    Args:
        inputs: volumes and dataset, and what else there is to compare with.
        out: the evaluation folder.
        config: resamples, Canny width, cases pictured.
        execution: how to run.

    Raises:
        InputError: no such folders, or no volume that can be compared.
        InconsistentError: the volumes belong to none of the dataset's pairs.
    """
    opened = open_inputs(inputs)
    pairs = evenly(opened.pairs, QUICK_PAIRS) if config.quick else opened.pairs
    opened.dataset.check()
    named = [inputs.rescan, inputs.flipped, inputs.training]
    reads = [inputs.volumes, inputs.dataset, *inputs.also, *inputs.twins, *named]
    needed_bytes = _REPORT_BYTES + opened.dataset.facts.slices * opened.dataset.facts.size**2 * 4  # and the mean volume
    own = inputs.fingerprints(out)
    if execution.dry_run:
        status = foresee(out, config, own, force=execution.force, reads=reads)
        return {"status": status, "output": str(out), "pairs": len(pairs), "volumes": len(opened.files)}
    run = begin(out, config, own, force=execution.force, reads=reads, needed_bytes=needed_bytes)
    if run is None:
        return {"status": "already done", "output": str(out)}
    with run:
        scratch = out / "cache"
        scratch.mkdir(exist_ok=True)
        yardsticks, training = _yardsticks(inputs, opened, pairs, scratch=scratch, config=config, execution=execution)
        missing = missing_of(yardsticks)
        scored = _score_all(pairs, opened.files, yardsticks, execution)
        good = [case.pair_id for case in scored if not case.reason]
        if not good:
            raise InputError(f"no volume in {inputs.volumes} can be compared; the first: {_first_reason(scored)}")
        ceiling: Mapping[str, Mapping[str, float]] = {}
        if config.quick:
            missing[VAE_CEILING] = "left out by --quick"
        else:
            ceiling, missing[VAE_CEILING] = beyond.vae_ceiling(inputs.volumes, good, yardsticks, execution)
        tables = {source.name: volume_table(scored, opened.dataset.index, source.name) for source in SOURCES}
        tables[VAE_CEILING] = tables[GENERATED].assign(**{m.name: _column(ceiling, scored, m.name) for m in METRICS})
        runs = _further_runs(opened, pairs, yardsticks, execution)
        further = _further(
            opened, good, scored, training=training, yardsticks=yardsticks, config=config, execution=execution
        )
        compared = {inputs.run_names()[0]: tables[GENERATED], **runs} if runs else {}
        further = replace(further, run_names=tuple(inputs.run_names()), runs=compare_runs(compared, config))
        missing = {source: reason for source, reason in missing.items() if reason}
        header = _header(inputs, opened, config)
        summary = summarise(
            {**tables, **runs}, scored, config, mean=training.mean, missing=missing, header=header, further=further
        )
        _write(run, {**tables, **runs}, scored, summary)
        if not config.quick:
            # matplotlib keeps a font list at home otherwise; whole, because the path outlives the folder we are in
            os.environ.setdefault("MPLCONFIGDIR", str(scratch.resolve()))
            logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)  # it tells how long that takes
            from xrmri.stages.evaluation_report import write_report

            write_report(run.folder, {**tables, **runs}, scored, summary=summary, opened=opened, config=config)
            write_text(run.folder / "checklist.md", checklist(known(inputs.volumes, opened.dataset, summary)))
        passing = [case.pair_id for case in scored if case.passing]
        run.note(counts=summary.counts, unopened=to_look_at_again(inputs, opened.files, passing))
        shutil.rmtree(scratch)
    result: EvaluateOutcome = {
        "status": "finished",
        "output": str(out),
        "conclusion": summary.verdicts[0],
        "counts": {**summary.counts},
        "medians": {m.name: own and own["median"] for m in METRICS for own in [summary.scores[m.name][GENERATED]]},
    }
    return result if config.quick else result | {"report": str(out / "report.html")}


def _yardsticks(
    inputs: Inputs, opened: Opened, pairs: Sequence[str], *, scratch: Path, config: Evaluate, execution: Execution
) -> tuple[Yardsticks, TrainingPairs]:
    """Baselines for every pair, and what the training pairs look like."""
    data = opened.dataset
    chosen = opened.training_pairs
    if config.quick:
        chosen = evenly(chosen, QUICK_TRAINING)
    slices = common_slices(opened.files, data)
    total, radiographs, readings, signatures = np.zeros(()), [], [], []
    training_ids: list[str] = []
    for batch in training_batches(opened.training, chosen, slices, execution.workers):
        total = total + batch.total
        training_ids += batch.pair_ids
        radiographs.append(batch.radiographs)
        readings.append(batch.readings)
        signatures.append(batch.signatures)
        execution.progress("training pairs", len(training_ids), len(chosen), "mean and nearest")
    yardsticks = Yardsticks(
        dataset=data,
        training=opened.training,
        canny_sigma=config.canny_sigma,
        others=other_patients(data, pairs),
        files=single(opened.files),
        rescan=inputs.rescan,
        rescans=single(opened.rescans),
        twins=inputs.twins,
        baselined=frozenset(evenly([pair_id for pair_id in pairs if pair_id in opened.files], BASELINED)),
    )
    if not training_ids:
        return yardsticks, TrainingPairs(pair_ids=[], signatures=np.empty((0, 1), np.float32), mean=None)
    mean = (total / len(training_ids)).astype(np.float32)
    np.save(scratch / MEAN_FILE, mean)
    films, volumes = np.concatenate(radiographs), np.concatenate(signatures)
    yardsticks = replace(
        yardsticks,
        mean_file=scratch / MEAN_FILE,
        joint_line=joint_line(mean),
        nearest=nearest_pairs(data, pairs, training_ids, films, whose=_whose(opened.training, training_ids)),
    )
    knees = KnownKnees(films=films, readings=np.concatenate(readings))
    yardsticks = with_regression(yardsticks, knees, volumes, training_ids, file=scratch / RIDGE_FILE)
    knee = yardsticks.mean_knee(slices)
    briefs = None if knee is None else (signature(mean[slices]), joint_signature(knee.coarse, knee.joint))
    return yardsticks, TrainingPairs(pair_ids=training_ids, signatures=volumes, mean=briefs)


def _score_all(pairs: Sequence[str], files: Files, yardsticks: Yardsticks, execution: Execution) -> list[Scored]:
    """What every pair scores, in the order of the pairs."""
    scored = []
    work, tasks = partial(_score, yardsticks), [(pair_id, files.get(pair_id, [])) for pair_id in pairs]
    # Filters and sums use one thread anyway, so a single worker may as well be this process.
    results = map(work, tasks) if execution.workers == 1 else in_order(work, tasks, execution.workers)
    for case in results:
        if case.reason:
            log.warning("%s is left out: %s", case.pair_id, case.reason)
        scored.append(case)
        execution.progress("volumes", len(scored), len(pairs), case.pair_id)
    return scored


def _score(yardsticks: Yardsticks, task: tuple[str, list[Path]]) -> Scored:
    return score(*task, yardsticks)


def _further_runs(
    opened: Opened, pairs: Sequence[str], yardsticks: Yardsticks, execution: Execution
) -> dict[str, pd.DataFrame]:
    """Name of each further run -> one row a pair."""
    alone = replace(yardsticks, baselined=frozenset())
    return {
        name: volume_table(_score_all(pairs, files, alone, execution), opened.dataset.index)
        for name, files in opened.further.items()
    }


def _further(
    opened: Opened,
    good: Sequence[str],
    scored: Sequence[Scored],
    *,
    training: TrainingPairs,
    yardsticks: Yardsticks,
    config: Evaluate,
    execution: Execution,
) -> Further:
    """What is asked beyond likeness, of the run that the report is about."""
    whose = opened.dataset.index["participant"]
    return Further(
        run_names=(),
        runs=(),
        audit=audit(
            scored,
            [whose[case.pair_id] for case in scored],
            training.signatures,
            _whose(opened.training, training.pair_ids).tolist(),
        ),
        flips=beyond.flips(good, opened.flipped, yardsticks, config),
        samples=None if config.quick else beyond.several_samples(good, yardsticks),
        set_distances=None if config.quick else beyond.set_distances(good, yardsticks, execution),
    )


def _whose(data: Dataset, pair_ids: Sequence[str]) -> np.ndarray:
    """The participants of some pairs."""
    return data.index["participant"].loc[list(pair_ids)].to_numpy()


def _column(scores: Mapping[str, Mapping[str, float]], scored: Sequence[Scored], name: str) -> list[float]:
    return [scores.get(case.pair_id, {}).get(name, np.nan) for case in scored]


def _header(inputs: Inputs, opened: Opened, config: Evaluate) -> EvaluationHeader:
    record = read_record(inputs.volumes)
    data = opened.dataset
    return EvaluationHeader(
        metrics={m.name: {"title": m.title, "unit": m.unit, "meaning": m.meaning, "data_range": 1} for m in METRICS},
        intensities="to [0, 1]: acquired by the pair's window in the dataset, generated by that of its sidecar",
        aggregation="mean over slices, then over a participant's volumes; median and quartiles over participants",
        settings=config.to_dict(),
        generated_with={
            "config": record.config if record else {},
            "model": Path(record.model if record and record.model else "unknown").name,
            "told": told_model(Path(record.model) if record and record.model else None),
        },
        dataset={"folder": data.folder.name, "pairs": len(data), "training_pairs": len(opened.training_pairs)},
        versions=versions(),
    )


def _first_reason(scored: Sequence[Scored]) -> str:
    return next(f"{case.pair_id}: {case.reason}" for case in scored if case.reason)


def _write(run: Run, tables: Mapping[str, pd.DataFrame], scored: Sequence[Scored], summary: Summary) -> None:
    """slices.csv, volumes.csv, baselines.csv and summary.json."""
    others = {name: table.drop(columns=["file", "reason"]) for name, table in tables.items() if name != GENERATED}
    baselines = pd.concat([table.assign(source=name) for name, table in others.items()])
    names = [metric.name for metric in METRICS]
    baselines = baselines.dropna(subset=names, how="all")[["source", "pair_id", "participant", "kl", *names]]
    contents = {"volumes.csv": tables[GENERATED], "baselines.csv": baselines, "slices.csv": slice_table(scored)}
    for name, table in contents.items():
        with complete_or_absent(run.folder / name) as partial_file:
            table.to_csv(partial_file, index=False, lineterminator="\n", float_format="%.6f")
    write_summary(run.folder, summary)
