"""A model of drawn knees learns what each voxel is made of: `python -m xrmri.stages.train_tissues LDM`.

People are drawn for it with the labels of every voxel; the model then has `tissues/`, and `generate --labels` writes
maps. Models of acquired knees have nobody who knows.
"""

import argparse
import logging
import sys
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xrmri.config import BuildDataset, Execution, TrainTissues
from xrmri.errors import InputError
from xrmri.facts.folders import ModelFacts, read_model_facts
from xrmri.facts.parts import TissueFacts
from xrmri.runs.ending import exit_code_of
from xrmri.runs.folder import begin, renew
from xrmri.runs.outputs import is_complete
from xrmri.runs.record import read_record, require_finished

if TYPE_CHECKING:  # what takes seconds to load is loaded by `run`, so that a signal meanwhile ends it in its one line
    from xrmri.making.labelled import LabelledKnees

FOLDER = "tissue-training"
_HELD_OUT = 7
"""Every so many-th person is held out."""


def run(ldm: Path, config: TrainTissues, execution: Execution) -> dict[str, Any]:
    """Teach the model that train-ldm finished in a folder; checkpoints lie in tissue-training/ in it.

    Args:
        ldm: folder of the model.
        config: recipe.
        execution: device, workers, progress.

    Returns:
        status, output; Dice of each tissue.

    Raises:
        StoppedEarly: stopped and saved.
        InputError: a model of acquired knees, or of slices that the phantom does not draw; another process teaches it,
            or it was begun with other settings.
        InconsistentError: the model has changed since.
    """
    record = require_finished(ldm, "train-ldm")
    facts = read_model_facts(ldm)
    window = _window(ldm, facts)
    training = read_record(ldm / FOLDER)
    if facts.tissues and (training is None or training.status == "finished"):
        is_complete(ldm, record)  # which tells what has changed
        return {"status": "already done", "output": str(ldm), "dice": dict(facts.tissues.dice)}
    from xrmri.making.labelled import labelled_knees
    from xrmri.making.people import CohortPlan
    from xrmri.making.tissues import CODES, learn_tissues
    from xrmri.models.bundle import load_bundle, save_bundle
    from xrmri.models.card import model_card
    from xrmri.phantom.flash import COARSE
    from xrmri.training.accelerator import prepare_device
    from xrmri.training.loop import Trainer

    model = load_bundle(ldm)
    trainer = Trainer(accelerator=prepare_device(execution.device, config), execution=execution)
    matrix = -(-facts.image_size // COARSE) * COARSE
    plan = CohortPlan(seed=config.seed, count=config.people, matrix=matrix)
    held_out = [person for person in range(config.people) if person % _HELD_OUT == 0]
    rest = [person for person in range(config.people) if person % _HELD_OUT]
    with begin(ldm / FOLDER, config, {"vae": facts.vae_sha256}) or nullcontext():
        knees = labelled_knees(plan, model.vae.to(trainer.accelerator.device), window, execution)
        learnt, judged = _of(knees, rest), _of(knees, held_out)
        reader, dice = learn_tissues(learnt, judged, ldm / FOLDER, config=config, trainer=trainer)
        told = replace(facts, tissues=TissueFacts(codes=CODES, dice=dice, people=len(rest)))
        save_bundle(ldm, replace(model, vae=model.vae.cpu(), tissues=reader, facts=told), card=model_card(told))
        renew(ldm)
    return {"status": "finished", "output": str(ldm), "dice": dice}


def _of(knees: "LabelledKnees", people: list[int]) -> "LabelledKnees":
    return replace(knees, drawn=knees.drawn[people], seen=knees.seen[people], labels=knees.labels[people])


def _window(ldm: Path, facts: ModelFacts) -> BuildDataset:
    """The slices that the model draws, as the phantom has them.

    Raises:
        InputError: it has none such.
    """
    window = BuildDataset(size=facts.image_size)
    usual = window.last_slice - window.first_slice
    if (facts.is_synthetic, facts.sequence, facts.plane, facts.slices) != (True, "FLASH", "coronal", usual):
        told = f"{ldm} draws no coronal FLASH of synthetic knees in the usual {usual} slices"
        raise InputError(f"{told}: nobody knows what its voxels are made of")
    return window


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m xrmri.stages.train_tissues", description="Teach a model of drawn knees to tell tissues apart."
    )
    parser.add_argument("ldm", type=Path, help="folder that train-ldm finished")
    parser.add_argument("--people", type=int, help="drawn, one knee of each (default 28)")
    parser.add_argument("--steps", type=int, help="of the training (default 700)")
    parser.add_argument("--seed", type=int, help="of people and training (default 50)", default=50)
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    return exit_code_of(partial(_train, given))


def _train(given: argparse.Namespace) -> None:
    config = TrainTissues.load(people=given.people, max_steps=given.steps, seed=given.seed)
    for tissue, overlap in run(given.ldm, config, Execution(device=given.device))["dice"].items():
        print(f"{tissue:14} {overlap:.3f}")


if __name__ == "__main__":
    sys.exit(main())
