"""A report says first how long its model was trained, and that four steps are no training."""

from dataclasses import replace

from tests.made_facts import MODEL_FACTS
from xrmri.evaluation.model_words import told_model
from xrmri.facts.folders import write_model_facts


def told(folder, **config):
    folder.mkdir(exist_ok=True)
    write_model_facts(folder, replace(MODEL_FACTS, config=config))
    return told_model(folder)


def test_few_steps_are_no_training_and_many_are(tmp_path):
    said = told(tmp_path / "a", max_steps=4)
    assert said == "The model: 4 training steps on 3 pairs: not trained. It knows synthetic knees, FLASH."
    assert told(tmp_path / "b", max_steps=20_000) == (
        "The model: 20,000 training steps on 3 pairs. It knows synthetic knees, FLASH."
    )


def test_a_contrast_that_nobody_told_is_called_unknown_in_words(tmp_path):
    write_model_facts(tmp_path, replace(MODEL_FACTS, sequence="unknown", config={"max_steps": 4}))
    assert told_model(tmp_path).endswith("It knows synthetic knees, unknown contrast.")


def test_a_model_that_went_on_from_given_weights_is_trained_and_one_that_is_not_there_is_not_told(tmp_path):
    told(tmp_path / "a", max_steps=4)
    (tmp_path / "a" / "run.json").write_text(
        '{"command": "train-ldm", "config": {}, "inputs": {"init": "5"}, "status": "finished"}'
    )
    assert told_model(tmp_path / "a") == (
        "The model: 4 training steps from weights it was given on 3 pairs. It knows synthetic knees, FLASH."
    )
    assert told_model(tmp_path / "nowhere") is None and told_model(None) is None
