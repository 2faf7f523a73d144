"""What an anchor missed of people whom it had not met is told it: `python -m xrmri.stages.learn_patterns LDM DATASET`.

The expected volume then follows a film more closely, and signs that few knees have show where they were read. Minutes
of a core; the denoiser stays as it is. DATASET is any of the model's slices and frame, such as the one that the
denoiser learnt from where the anchor had a cohort of its own.
"""

import argparse
import logging
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from xrmri.config import Execution
from xrmri.errors import InputError
from xrmri.facts.parts import PatternFacts
from xrmri.runs.ending import exit_code_of

if TYPE_CHECKING:
    from xrmri.facts.folders import DatasetFacts, ModelFacts

# What takes seconds to load stands in functions: a signal that comes meanwhile is to end the program in its one line.

FOLDER = "pattern-training"
_ALIKE = ("slices", "frame", "plane", "sequence", "feature_set")
"""What a dataset's facts and a model's call by one name and must have in common."""


def run(ldm: Path, dataset: Path, execution: Execution) -> PatternFacts:
    """Give the anchor of the model in a folder its patterns, in place of any that it has.

    Args:
        ldm: folder that train-ldm finished; what is looked at is kept in pattern-training/ in it.
        dataset: people whom the anchor has not met, of any split.
        execution: progress.

    Raises:
        InputError: the model has no anchor, or draws other slices than the dataset has; the anchor learnt from it.
        InconsistentError: too few people; the model has changed since it was trained.
    """
    from xrmri.data.store import open_dataset
    from xrmri.facts.folders import read_model_facts
    from xrmri.generation.model import find_model
    from xrmri.learning.missed import judge, learn_patterns, seen_twice, with_patterns
    from xrmri.models.anchor import narrowed, without_patterns
    from xrmri.models.bundle import load_bundle, save_bundle
    from xrmri.models.card import model_card
    from xrmri.records import SPLITS
    from xrmri.runs.folder import fingerprint, renew
    from xrmri.runs.record import read_record, require_finished

    trained = read_record(ldm)  # none where a model was handed on
    if trained:
        require_finished(ldm, "train-ldm")
    facts, data = read_model_facts(ldm), open_dataset(dataset)
    own = fingerprint(dataset)
    if facts.anchor is None:
        raise InputError(f"{ldm} has no anchor: train it with anchor = true")
    if facts.anchor.dataset_sha256 == own:
        raise InputError(f"the anchor of {ldm} learnt from {dataset}: give people whom it has not met")
    _require_alike(ldm, facts, dataset, data.facts)
    if facts.anchor.patterns and facts.anchor.patterns.dataset_sha256 == own:
        return facts.anchor.patterns
    model = load_bundle(ldm)
    assert model.anchor is not None
    view, bare = find_model(ldm).view, without_patterns(model.anchor)
    pairs = [pair_id for split in SPLITS for pair_id in data.pairs(split)]
    cache = ldm / FOLDER / f"{own[:12]}-{facts.dataset_sha256[:12]}"
    knees = seen_twice(bare, data, pairs, view=view, cache=cache, tell=execution.progress)
    judged, found = judge(knees, view.features, bare), learn_patterns(knees, view.features, bare)
    anchor = with_patterns(bare, found)
    anchor.deviation.copy_(narrowed(judged.deviation[None], anchor.sizes)[0])
    told = PatternFacts(pairs=len(pairs), dataset_sha256=own, share=round(judged.share, 4), signs=found.signs)
    facts = replace(facts, anchor=replace(facts.anchor, patterns=told))
    save_bundle(ldm, replace(model, anchor=anchor, facts=facts), card=model_card(facts))
    if trained:
        renew(ldm)
    return told


def _require_alike(ldm: Path, model: "ModelFacts", dataset: Path, data: "DatasetFacts") -> None:
    """InputError where a dataset has other slices than a model draws, or lies in another frame."""
    from xrmri.facts.folders import TEMPLATE
    from xrmri.runs.seals import are_same

    has = {name: getattr(data, name) for name in _ALIKE} | {"image_size": data.size}
    other = next((name for name, value in has.items() if getattr(model, name) != value), None)
    if other:
        told = f"{other} {has[other]}, the model {getattr(model, other)}"
        raise InputError(f"{dataset} has {told}: build the dataset as the model's was built")
    if model.frame == "knee" and not are_same(ldm / TEMPLATE, dataset / TEMPLATE):
        raise InputError(f"{dataset} lies in another frame than {ldm}: build it with --template {ldm}")


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m xrmri.stages.learn_patterns", description="Tell an anchor what it missed of other people."
    )
    parser.add_argument("ldm", type=Path, help="folder that train-ldm finished, with an anchor")
    parser.add_argument("dataset", type=Path, help="people whom the anchor has not met")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    return exit_code_of(partial(_learn, given))


def _learn(given: argparse.Namespace) -> None:
    found = run(given.ldm, given.dataset, Execution())
    signs = f"; of their own: {', '.join(found.signs)}" if found.signs else ""
    print(f"{found.pairs} pairs: patterns tell {100 * found.share:.1f} % of what was missed of people left out{signs}")


if __name__ == "__main__":
    sys.exit(main())
