"""volumes/ + dataset/ -> evaluation/: how good the generated volumes are, beside what no effort would reach."""

import logging
import os
import shutil
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from xrmri.config import Evaluate, Execution
from xrmri.data.alignment import files_by_pair
from xrmri.data.store import Dataset, open_dataset
from xrmri.errors import InconsistentError, InputError, XrmriError
from xrmri.evaluation.baselines import nearest_pairs, other_patients, training_batches
from xrmri.evaluation.case import (
    ACQUIRED,
    GENERATED,
    MEAN_VOLUME,
    NEAREST_TRAINING,
    WRONG_PATIENT,
    Scored,
    Setting,
    compare,
    score,
)
from xrmri.evaluation.ceiling import VAE_CEILING, VOLUMES, load_vae, model_folder, reconstruct
from xrmri.evaluation.summary import slice_table, summarise, volume_table
from xrmri.metrics.measure import METRICS, Reference, slice_figures, volume_figures
from xrmri.parallel import in_order
from xrmri.run import Run, begin, complete_or_absent, fingerprint, read_record, versions, write_json

log = logging.getLogger(__name__)

SCHEMA = 1
SOURCES = (GENERATED, WRONG_PATIENT, MEAN_VOLUME, NEAREST_TRAINING, VAE_CEILING, ACQUIRED)


def run(volumes: Path, dataset: Path, out: Path, config: Evaluate, execution: Execution) -> dict[str, Any]:
    """Compare generated with acquired volumes and write tables, figures and a report.

    Args:
        volumes: folder of NIfTI files whose names contain a pair_id.
        dataset: folder from build-dataset that holds these pairs.
        out: the evaluation folder.
        config: resamples, Canny width, cases pictured.
        execution: how to run.

    Raises:
        InputError: no such folders, or no volume that can be compared.
        InconsistentError: the volumes belong to none of the dataset's pairs.
    """
    if not volumes.is_dir():
        raise InputError(f"{volumes} is not a folder: give the one that `xrmri generate` wrote")
    data = open_dataset(dataset)
    files = files_by_pair(volumes, data.pairs())
    if not files:
        raise InconsistentError(f"{volumes} holds no NIfTI file named after a pair of {dataset}: give its own dataset")
    pairs = _expected(data, files, read_record(volumes))
    if execution.dry_run:
        return {"status": "dry run", "output": str(out), "pairs": len(pairs), "volumes": len(files)}
    run = begin(out, config, {"volumes": fingerprint(volumes), "dataset": fingerprint(dataset)}, force=execution.force)
    if run is None:
        return {"status": "already done", "output": str(out)}
    with run:
        cache = out / "cache"
        cache.mkdir(exist_ok=True)
        setting, skipped = _setting(data, pairs, cache / "mean_volume.npy", config, execution)
        scored = _score_all(pairs, files, setting, execution)
        if all(case.reason for case in scored):
            raise InputError(f"no volume in {volumes} can be compared; the first: {_first_reason(scored)}")
        ceiling, why_not = _ceiling(volumes, data, scored, files, config, execution)
        if why_not:
            skipped[VAE_CEILING] = why_not
        tables = {source: volume_table(scored, data.index, source) for source in SOURCES if source != VAE_CEILING}
        tables[VAE_CEILING] = tables[GENERATED].assign(**{m.name: _column(ceiling, scored, m.name) for m in METRICS})
        summary = _header(volumes, data, config) | summarise(
            {name: tables[name] for name in SOURCES}, scored, config, skipped
        )
        _write(run, tables, scored, summary)
        _report(run.folder, tables, summary, data, files, config)
        run.record["counts"] = summary["counts"]
        shutil.rmtree(cache)
    return {
        "status": "finished",
        "output": str(out),
        "report": str(out / "report.html"),
        "conclusion": summary["verdicts"][0],
        "counts": summary["counts"],
        "medians": {m.name: summary[m.name][GENERATED] and summary[m.name][GENERATED]["median"] for m in METRICS},
    }


def _expected(data: Dataset, files: Mapping[str, Any], record: Mapping[str, Any] | None) -> list[str]:
    """The pairs that should have a volume: those of the splits that were generated."""
    told = (record or {}).get("inputs", {}).get("split")
    splits = {told} if told else set(data.index.loc[list(files), "split"])
    return [pair_id for pair_id in data.pairs() if data.index.at[pair_id, "split"] in splits or pair_id in files]


def _setting(
    data: Dataset, pairs: Sequence[str], mean_file: Path, config: Evaluate, execution: Execution
) -> tuple[Setting, dict[str, str]]:
    """Baselines for every pair, and why some are missing."""
    count = len(data.pairs("train"))
    total, training_ids, radiographs = np.zeros(()), [], []
    for batch in training_batches(data, execution.workers):
        total = total + batch.total
        training_ids += batch.pair_ids
        radiographs.append(batch.radiographs)
        execution.progress("training pairs", len(training_ids), count, "mean and nearest")
    nearest, others, skipped = {}, other_patients(data, pairs), {}
    if training_ids:
        np.save(mean_file, (total / count).astype(np.float32))
        nearest = nearest_pairs(data, pairs, training_ids, np.concatenate(radiographs))
    else:
        skipped = dict.fromkeys((MEAN_VOLUME, NEAREST_TRAINING), "the dataset has no training pairs")
    if not others:
        skipped[WRONG_PATIENT] = "there is only one participant"
    setting = Setting(
        dataset=data,
        canny_sigma=config.canny_sigma,
        mean_file=mean_file if training_ids else None,
        nearest=nearest,
        others=others,
    )
    return setting, skipped


def _score_all(
    pairs: Sequence[str], files: Mapping[str, list[Path]], setting: Setting, execution: Execution
) -> list[Scored]:
    """Every pair's figures, in the order of the pairs."""
    scored = []
    work, tasks = partial(_score, setting), [(pair_id, files.get(pair_id, [])) for pair_id in pairs]
    # Filters and sums use one thread anyway, so a single worker may as well be this process.
    results = map(work, tasks) if execution.workers == 1 else in_order(work, tasks, execution.workers)
    for case in results:
        if case.reason:
            log.warning("%s is left out: %s", case.pair_id, case.reason)
        scored.append(case)
        execution.progress("volumes", len(scored), len(pairs), case.pair_id)
    return scored


def _score(setting: Setting, task: tuple[str, list[Path]]) -> Scored:
    return score(*task, setting)


def _ceiling(
    volumes: Path,
    data: Dataset,
    scored: Sequence[Scored],
    files: Mapping[str, list[Path]],
    config: Evaluate,
    execution: Execution,
) -> tuple[dict[str, dict[str, float]], str]:
    """pair_id -> figures of its acquired volume after the model's VAE; or why there are none."""
    try:
        vae = load_vae(model_folder(volumes, data), execution.device)
    except XrmriError as error:
        return {}, str(error)
    good = [case.pair_id for case in scored if not case.reason]
    chosen = [good[i] for i in sorted({round(i) for i in np.linspace(0, len(good) - 1, VOLUMES)})]
    found = {}
    for done, pair_id in enumerate(chosen, start=1):
        acquired = compare(pair_id, files[pair_id][0], data).acquired
        reference = Reference.of(acquired, config.canny_sigma)
        found[pair_id] = volume_figures(slice_figures(reference, reconstruct(vae, acquired)))
        execution.progress("VAE ceiling", done, len(chosen), pair_id)
    return found, ""


def _column(figures: Mapping[str, Mapping[str, float]], scored: Sequence[Scored], name: str) -> list[float]:
    return [figures.get(case.pair_id, {}).get(name, np.nan) for case in scored]


def _header(volumes: Path, data: Dataset, config: Evaluate) -> dict[str, Any]:
    record = read_record(volumes) or {}
    return {
        "schema": SCHEMA,
        "metrics": {
            m.name: {"title": m.title, "unit": m.unit, "meaning": m.meaning, "data_range": 1} for m in METRICS
        },
        "intensities": "to [0, 1]: acquired by the pair's window in the dataset, generated by that of its sidecar",
        "aggregation": "mean over slices, then over a participant's volumes; median and quartiles over participants",
        "settings": config.to_dict(),
        "generated_with": {"config": record.get("config", {}), "model": Path(record.get("model", "unknown")).name},
        "dataset": {"folder": data.folder.name, "pairs": len(data), "training_pairs": len(data.pairs("train"))},
        "versions": versions(),
    }


def _first_reason(scored: Sequence[Scored]) -> str:
    return next(f"{case.pair_id}: {case.reason}" for case in scored if case.reason)


def _write(run: Run, tables: Mapping[str, pd.DataFrame], scored: Sequence[Scored], summary: dict[str, Any]) -> None:
    """slices.csv, volumes.csv, baselines.csv and summary.json."""
    others = {name: table.drop(columns=["file", "reason"]) for name, table in tables.items() if name != GENERATED}
    baselines = pd.concat([table.assign(source=name) for name, table in others.items()])
    names = [metric.name for metric in METRICS]
    baselines = baselines.dropna(subset=names, how="all")[["source", "pair_id", "participant", "kl", *names]]
    contents = {"volumes.csv": tables[GENERATED], "baselines.csv": baselines, "slices.csv": slice_table(scored)}
    for name, table in contents.items():
        with complete_or_absent(run.folder / name) as partial_file:
            table.to_csv(partial_file, index=False, lineterminator="\n", float_format="%.6f")
    write_json(run.folder / "summary.json", summary)


def _report(
    folder: Path,
    tables: Mapping[str, pd.DataFrame],
    summary: Mapping[str, Any],
    data: Dataset,
    files: Mapping[str, list[Path]],
    config: Evaluate,
) -> None:
    """figures/ and report.html."""
    os.environ.setdefault("MPLCONFIGDIR", str(folder / "cache"))  # matplotlib keeps a font list at home otherwise
    from xrmri.report.figures import Picture, chosen_cases, draw_figures
    from xrmri.report.page import write_page

    def picture(pair_id: str) -> Picture:
        pair = compare(pair_id, files[pair_id][0], data)
        bands = Reference.of(pair.acquired, config.canny_sigma).bands
        return Picture(acquired=pair.acquired, generated=pair.generated, slices=pair.slices, bands=bands)

    cases = chosen_cases(tables[GENERATED], config.cases)
    figures = draw_figures(folder / "figures", tables, summary, cases, picture)
    write_page(folder / "report.html", summary, tables[GENERATED], figures)
