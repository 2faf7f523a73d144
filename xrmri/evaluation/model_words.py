"""What the model is that drew the volumes, in one line: before any figure, a reader must know whether it has learnt."""

from pathlib import Path

from xrmri.errors import XrmriError
from xrmri.facts.folders import ModelFacts, read_model_facts
from xrmri.runs.record import read_record
from xrmri.sequences import told_contrast

FEWEST_STEPS = 500
"""Fewer steps from nothing are no training (choice: the bundled model, a small one, has 1,800)."""


def told_model(folder: Path | None) -> str | None:
    """How long a model was trained, and on what.

    Args:
        folder: of the model; None where nobody knows.

    Returns:
        a sentence; None where the folder is not there any more, or no model.
    """
    if folder is None:
        return None
    try:
        facts, record = read_model_facts(folder), read_record(folder)
    except XrmriError:
        return None
    return _told(facts, begun=bool(record and "init" in record.inputs))


def _told(facts: ModelFacts, *, begun: bool) -> str:
    steps = int(facts.config.get("max_steps", 0))
    learnt = f"{steps:,} training steps{' from weights it was given' * begun} on {facts.pairs:,} pairs"
    judged = ": not trained" if steps < FEWEST_STEPS and not begun else ""
    knees = "synthetic knees" if facts.is_synthetic else facts.trained_on
    return f"The model: {learnt}{judged}. It knows {knees}, {told_contrast(facts.sequence)}."
