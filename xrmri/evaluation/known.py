"""What a reporting checklist asks and files can answer: from summary.json, and the run.json and facts of its inputs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xrmri.data.store import Dataset
from xrmri.errors import XrmriError
from xrmri.evaluation.ceiling import model_folder
from xrmri.evaluation.entries import SpreadEntry
from xrmri.evaluation.result import Summary
from xrmri.evaluation.sources import ACQUIRED, BY_NAME, GENERATED
from xrmri.facts.folders import DatasetFacts, ModelFacts, read_model_facts
from xrmri.metrics.table import METRICS
from xrmri.runs.record import read_record

_DIGITS = 12
"""Of a hash that a person compares by eye."""
_PURPOSE = "a synthetic volume shows what a model expects behind a radiograph; it is for research, not for diagnosis."


def known(volumes: Path, dataset: Dataset, summary: Summary) -> dict[str, str]:
    """Every answer that is there, by the name that a template asks for it; what nobody wrote down is absent.

    Args:
        volumes: folder of the generated volumes; its run.json names the model.
        dataset: what they were compared with.
        summary: what the evaluation found.
    """
    return {"purpose": _PURPOSE, **_of_data(dataset.facts), **_of_model(volumes, dataset), **_of_scores(summary)}


def _of_data(facts: DatasetFacts) -> dict[str, str]:
    found = {
        "origin": facts.origin.removesuffix("."),
        "slices": str(facts.slices),
        "size": str(facts.size),
        "plane": facts.plane,
        "sequence": facts.sequence,
        "frame": facts.frame,
        "extent_mm": " x ".join(f"{length:g}" for length in facts.extent_mm),
        "feature_set": facts.feature_set,
        "identity": "Synthetic: there is nobody to identify."
        if facts.is_synthetic
        else "Only pixels, geometry, pseudonym, visit, side, readings and covariates enter a dataset.",
        "limits": "Synthetic knees: figures say what a method can learn from such drawings, nothing of people."
        if facts.is_synthetic
        else "One cohort, one sequence.",
    }
    if facts.is_synthetic:
        found["design"] = "Synthetic: nobody was examined."
    if facts.slice_window:
        found["slice_window"] = f"{facts.slice_window[0] + 1} to {facts.slice_window[1]}"
    if facts.split_seed is not None and facts.shares:
        found |= {"split_seed": str(facts.split_seed), "shares": " : ".join(f"{share:g}" for share in facts.shares)}
    if facts.pairs_per_split:
        found["splits"] = _listed(facts.pairs_per_split)
    if facts.not_read is not None:
        found["not_read"] = _listed({name: count for name, count in facts.not_read.items() if count}) or "none"
    if facts.counts:
        found["pairing"] = _listed({name: count for name, count in facts.counts.items() if isinstance(count, int)})
    return found


def _of_model(volumes: Path, dataset: Dataset) -> dict[str, str]:
    """What the model's folder tells; nothing where it is gone, or other hands drew the volumes."""
    try:
        folder = model_folder(volumes, dataset)
        facts = read_model_facts(folder)
        record = read_record(folder)
    except XrmriError:
        return {}
    found = {"method": facts.denoiser.method, "dataset_sha256": facts.dataset_sha256[:_DIGITS],
             "vae_sha256": facts.vae_sha256[:_DIGITS]}  # fmt: skip
    if record is not None:
        started = any(name.startswith("init") for name in record.inputs)
        found["start"] = f"Weights of {'another model (init.csv)' if started else 'random numbers of the seed'}."
    return found | _of_training(facts)


def _of_training(facts: ModelFacts) -> dict[str, str]:
    config = facts.config
    names = ("max_steps", "batch_size", "learning_rate", "warmup_steps", "ema_decay", "anchor", "seed")
    found = {name: str(config[name]) for name in ("prediction", "timesteps") if name in config}
    if "channels" in config:
        found["channels"] = ", ".join(map(str, config["channels"]))
    told = ", ".join(f"{name} = {config[name]}" for name in names if name in config)
    if told:
        found["training"] = f"On {facts.pairs} pairs; {told}."
    return found


def _of_scores(summary: Summary) -> dict[str, str]:
    counts, versions, audit = summary.counts, summary.versions, summary.audit
    scored = [(m, own) for m in METRICS if m.shown and (own := summary.scores[m.name].get(GENERATED))]
    controls = [
        source.label
        for name, source in BY_NAME.items()
        if name not in (GENERATED, ACQUIRED) and any(summary.scores[m.name].get(name) for m in METRICS)
    ]
    flips, copies = summary.flips, audit["memorisation"]
    found = {
        "software": ", ".join(f"{name} {version}" for name, version in versions.items()),
        "version": versions.get("xrmri", "unknown"),
        "bootstrap": str(summary.settings["bootstrap"]),
        "measures": ", ".join(metric.title for metric, _ in scored),
        "verdict": summary.verdicts[0],
        "scores": "; ".join(_score(metric.title, own, metric.unit) for metric, own in scored),
        "readings_act": f"Other grades were drawn in {flips['volumes']} volumes; report.html tells what they changed."
        if flips
        else "No volumes with other grades were given (--flipped).",
        "grades": ", ".join(f"KL {grade}: {one['volumes']}" for grade, one in summary.by_kl["ssim"].items() if one),
        "pairs": str(counts["pairs"]),
        "volumes": str(counts["volumes"]),
        "rejected": str(counts["rejected"]),
        "participants": str(counts["participants"]),
    }
    if controls:
        found["controls"] = ", ".join(controls)
    if copies:
        found["memory"] = f"{copies['copies']} of {copies['volumes']} volumes are all but copies of training volumes."
    samples = summary.generated_with["config"].get("samples")
    return found | ({"samples": str(samples)} if samples else {})


def _score(title: str, found: SpreadEntry, unit: str) -> str:
    """Median and interval of one measure; one participant has no interval."""
    median = f"{title} {found['median']:.3g}{f' {unit}' if unit else ''}"
    if not found["interval"] or found["participants"] < 2:
        return median
    low, high = found["interval"]
    return f"{median} ({low:.3g} to {high:.3g})"


def _listed(counts: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())
