"""dataset.json and xrmri.json are read as typed records, whatever version wrote them, or told in one line."""

import json
from dataclasses import replace

import pytest

from tests.made_facts import DATASET_FACTS, MODEL_FACTS
from xrmri.errors import InconsistentError, InputError
from xrmri.facts.folders import (
    BESIDE,
    TEMPLATE,
    read_autoencoder_facts,
    read_dataset_facts,
    read_model_facts,
    write_dataset_facts,
    write_model_facts,
)
from xrmri.facts.origins import ACQUIRED_IMAGES
from xrmri.facts.parts import SamplerFacts
from xrmri.generation.model import find_model
from xrmri.pretrained import BUNDLED_LDM
from xrmri.runs.seals import sealed
from xrmri.storage.files import sha256

FINISHED = {"command": "train-ldm", "status": "finished", "config": {}, "inputs": {}}
LATER = ("extent_mm", "plane", "sequence", "is_synthetic")
"""What the first versions did not write."""


def change(file, *, without=(), **changed):
    """Write a document as another version would have, or a person who knows how it is sealed."""
    content = json.loads(file.read_bytes()) | changed
    file.write_text(json.dumps(sealed({name: value for name, value in content.items() if name not in without})))


def test_facts_come_back_as_they_were_written(tmp_path):
    sampler = SamplerFacts(visited=(99, 0), weights=((1.0, 0.5), (1.0, 0.25, 0.0)))
    facts = replace(MODEL_FACTS, sampler=sampler, noise_length_mm=2.5)
    write_model_facts(tmp_path, facts)
    write_dataset_facts(tmp_path, DATASET_FACTS)
    assert read_model_facts(tmp_path) == facts and read_dataset_facts(tmp_path) == DATASET_FACTS
    assert "sampler" not in json.loads((tmp_path / "dataset.json").read_bytes())


@pytest.mark.parametrize("name", BESIDE)
def test_what_lies_beside_a_model_and_is_no_network_is_as_it_was_written(tmp_path, name):
    (tmp_path / name).write_bytes(b"as written")
    write_model_facts(tmp_path, replace(MODEL_FACTS, files={name: sha256(tmp_path / name)}))
    assert read_model_facts(tmp_path).files.keys() == {name}
    (tmp_path / name).write_bytes(b"as wrItten")
    with pytest.raises(InconsistentError, match=f"{name} is not as it was written, .*: train or copy the model again"):
        read_model_facts(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(InputError, match=f"{name} cannot be read"):
        read_model_facts(tmp_path)


def test_the_template_of_a_dataset_is_the_one_it_was_finished_with(tmp_path):
    (tmp_path / TEMPLATE).write_bytes(b"a mean knee")
    write_dataset_facts(tmp_path, replace(DATASET_FACTS, frame="knee", template_sha256=sha256(tmp_path / TEMPLATE)))
    assert read_dataset_facts(tmp_path).frame == "knee"
    (tmp_path / TEMPLATE).write_bytes(b"another's mean knee")
    with pytest.raises(InconsistentError, match=f"{TEMPLATE} is not as .*: build the dataset again with --force"):
        read_dataset_facts(tmp_path)


def test_what_earlier_versions_did_not_write_is_filled_in_once(tmp_path):
    write_model_facts(tmp_path, replace(MODEL_FACTS, slices=40, extent_mm=(1.0, 2.0, 3.0)))
    change(tmp_path / "xrmri.json", without=[*LATER, "method", "halves", "without", "hidden_slots", "radiograph_grid"])
    facts = read_model_facts(tmp_path)
    assert (facts.extent_mm, facts.plane, facts.sequence) == ((58.5, 160.0, 160.0), "coronal", "FLASH")
    assert (facts.denoiser.method, facts.denoiser.halves, facts.radiograph_grid) == ("xray2mri", "paper", "crop")
    write_dataset_facts(tmp_path, replace(DATASET_FACTS, slices=50))
    change(tmp_path / "dataset.json", without=LATER)
    assert read_dataset_facts(tmp_path).extent_mm == (73.5, 160.0, 160.0)


def test_the_bundled_model_says_what_it_is():
    assert set(LATER) <= json.loads((BUNDLED_LDM / "xrmri.json").read_bytes()).keys()
    facts = find_model(None).facts
    assert facts.is_synthetic and facts.is_fitted and len(facts.sampler.visited) == 5
    assert facts.extent_mm == (73.5, 160.0, 160.0) and facts.slices == 50


@pytest.mark.parametrize(
    ("changed", "synthetic"),
    [
        ({"trained_on": "ten thousand patients"}, True),
        ({"is_synthetic": False}, True),
        ({"trained_on": ACQUIRED_IMAGES, "is_synthetic": False}, False),
    ],
)
def test_no_edited_text_makes_synthetic_knees_real_ones(tmp_path, changed, synthetic, caplog):
    write_model_facts(tmp_path, MODEL_FACTS)
    change(tmp_path / "xrmri.json", **changed)
    model = find_model(tmp_path)
    model.say_what_it_is()
    assert model.facts.is_synthetic == synthetic == ("trained on synthetic knees" in caplog.text)


@pytest.mark.parametrize(
    "edit",
    [{"trained_on": ACQUIRED_IMAGES, "is_synthetic": False}, {"window": [10, 250]}, {"latent_scale": 1.0}, {"x": 1}],
)
def test_a_document_that_was_edited_is_told(tmp_path, edit):
    write_model_facts(tmp_path, MODEL_FACTS)
    write_dataset_facts(tmp_path, DATASET_FACTS)
    for name, read in (("xrmri.json", read_model_facts), ("dataset.json", read_dataset_facts)):
        file = tmp_path / name
        read(tmp_path)
        file.write_text(json.dumps(json.loads(file.read_bytes()) | edit))
        with pytest.raises(InconsistentError, match="is not as it was written, edited or damaged"):
            read(tmp_path)


def test_a_document_of_an_earlier_version_is_as_its_run_json_says(tmp_path):
    write_model_facts(tmp_path, MODEL_FACTS)
    file = tmp_path / "xrmri.json"
    file.write_text(json.dumps({k: v for k, v in json.loads(file.read_bytes()).items() if k != "seal"}))
    with pytest.raises(InconsistentError, match="is not as it was written"):
        read_model_facts(tmp_path)
    (tmp_path / "run.json").write_text(json.dumps(FINISHED | {"outputs": {"xrmri.json": sha256(file)}}))
    assert read_model_facts(tmp_path) == MODEL_FACTS


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"slices": "50"}, 'slices must be a whole number, not "50"'),
        ({"slices": 0}, "slices must be 1 to 4096, not 0"),
        ({"image_size": 2**40}, "image_size must be 8 to 4096"),
        ({"latent_scale": 0}, "latent_scale must be at least 1e-09, not 0"),
        ({"latent_scale": float("nan")}, "latent_scale must be a number, not NaN"),
        ({"window": [3, 3]}, "window must rise, not be 3 to 3"),
        ({"extent_mm": [73.5, -160, 160]}, "extent_mm[1] must be at least 1e-09, not -160"),
        ({"schedule": []}, "schedule must be an object, not []"),
        ({"schedule": {"timesteps": 100}}, "schedule.beta_start is missing"),
        ({"guidance": "both"}, 'denoiser.guidance must be one of context, time, not "both"'),
        ({"sampler": {"visited": [5], "weights": []}}, "the sampler visits 1 steps and has weights of 0"),
        ({"format": 2}, "has format 2, this version reads 1"),
    ],
)
def test_facts_that_cannot_be_are_told_in_one_line_with_the_file(tmp_path, changed, words):
    write_model_facts(tmp_path, MODEL_FACTS)
    change(tmp_path / "xrmri.json", **changed)
    with pytest.raises(InconsistentError) as told:
        find_model(tmp_path)
    assert words in str(told.value) and str(tmp_path / "xrmri.json") in str(told.value)
    assert "\n" not in str(told.value)


def test_an_autoencoder_is_no_model_and_a_model_no_autoencoder(tmp_path):
    write_model_facts(tmp_path, MODEL_FACTS)
    with pytest.raises(InconsistentError, match="latent_mean is missing: train the autoencoder again"):
        read_autoencoder_facts(tmp_path)
    change(tmp_path / "xrmri.json", without=["guidance"])
    with pytest.raises(InputError, match="holds an autoencoder alone"):
        read_model_facts(tmp_path)
