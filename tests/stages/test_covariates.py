"""Age, sex and BMI go from a release's tables into a dataset, and from there or a person's JSON into a volume."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pandas as pd
import pytest

from tests.conftest import TINY
from tests.made_facts import record_dataset
from xrmri.cohorts.known_films import read_known_films
from xrmri.config import Execution, TrainLdm
from xrmri.data.slices import Shuffle
from xrmri.data.store import open_dataset
from xrmri.errors import InconsistentError
from xrmri.facts.folders import read_model_facts
from xrmri.learning.batches import Samples
from xrmri.stages import known_films, train_ldm

NOBODY = {"age": None, "sex": None, "bmi": None}
READ = "X-Ray Image Assessments_ASCII/Semi-Quant Scoring_ASCII/kxr_sq_bu00.txt"
SHARD = "pairs-00000-of-00001.h5"


def table(file):
    """Participant -> the cells of a row."""
    header, *rows = (line.split("|") for line in file.read_text(encoding="utf-8").splitlines())
    return {row[0]: dict(zip(header, row, strict=True)) for row in rows}


def release_without(chain, root, *kept):
    """The chain's release without its two tables, but for those that are kept as they are given."""
    shutil.copytree(chain.oai, root, ignore=shutil.ignore_patterns("Enrollees.txt", "AllClinical00.txt"))
    for name, text in kept:
        (root / name).write_text(text, newline="")
    return root


def test_a_dataset_holds_what_enrollees_and_allclinical_say(chain):
    sexes = {"1: Male": "male", "2: Female": "female"}
    enrolled = table(chain.oai / "General_ASCII/Enrollees.txt")
    clinical = table(chain.oai / "AllClinical_ASCII/AllClinical00.txt")
    dataset = open_dataset(chain.dataset)
    for pair_id in dataset.pairs():
        person = pair_id.partition("_")[0]
        age, bmi = float(clinical[person]["V00AGE"]), float(clinical[person]["P01BMI"])
        told = {"age": age, "sex": sexes[enrolled[person]["P02SEX"]], "bmi": bmi}
        assert dataset.covariates(pair_id) == told
    assert len(dataset) > 3


def test_a_release_without_the_tables_builds_and_nobody_is_known(chain, xrmri, tmp_path):
    oai, out = release_without(chain, tmp_path / "oai"), tmp_path / "dataset"
    built = xrmri("build-dataset", oai, "--knees", chain.knees, "-o", out, *TINY)
    assert built.code == 0 and built.err.count("age, sex and BMI of every participant are not known") == 1
    dataset = open_dataset(out)
    assert [dataset.covariates(pair_id) for pair_id in dataset.pairs()] == [NOBODY] * len(dataset)
    assert "Enrollees.txt is not as it was drawn: what is built has what stands there now" in built.err
    shutil.copytree(chain.oai, oai, dirs_exist_ok=True)
    again = xrmri("build-dataset", oai, "--knees", chain.knees, "-o", out, *TINY)
    assert again.code == 2 and "input release has changed" in again.err


def test_nonsense_in_a_table_counts_as_not_known_and_the_rest_is_kept(chain, xrmri, tmp_path):
    people = sorted(table(chain.oai / "General_ASCII/Enrollees.txt"))
    rows = "".join(f"{person}|{'620' if person == people[0] else '62'}|-3\r\n" for person in people)
    oai = release_without(chain, tmp_path / "oai", ("AllClinical00.txt", f"ID|V00AGE|P01BMI\r\n{rows}"))
    built = xrmri("build-dataset", oai, "--knees", chain.knees, "-o", tmp_path / "dataset", *TINY)
    assert built.code == 0 and f"{len(people) + 1} ages, sexes or BMIs that no participant has" in built.err
    dataset = open_dataset(tmp_path / "dataset")
    for pair_id in dataset.pairs():
        age = None if pair_id.startswith(people[0]) else 62.0
        assert dataset.covariates(pair_id) == NOBODY | {"age": age}


@pytest.fixture
def copied(chain, tmp_path):
    """A copy of the chain's dataset that may be changed, and a way to write its facts anew."""
    folder = shutil.copytree(chain.dataset, tmp_path / "dataset")
    facts = open_dataset(folder).facts
    return folder, lambda: record_dataset(folder, slices=facts.slices, size=facts.size)


def test_a_dataset_of_an_earlier_version_is_read_and_knows_nobody(chain, copied, xrmri, tmp_path):
    folder, seal = copied
    with h5py.File(folder / SHARD, "a") as shard:
        del shard["covariates"]
    seal()
    dataset = open_dataset(folder)
    assert dataset.covariates(dataset.pairs()[0]) == NOBODY and dataset.grades(dataset.pairs()[0])
    (tmp_path / "told.toml").write_text("[train-ldm]\ncovariates = true\nmax_steps = 1\n")
    trained = xrmri("train-ldm", folder, chain.vae, "-o", tmp_path / "ldm", "--config", tmp_path / "told.toml", *TINY)
    assert trained.code == 0 and trained.err.count("knows nobody's age, sex or BMI") == 1


@pytest.mark.parametrize("place, value", [(0, 620.0), (1, 0.5), (1, float("inf")), (2, -1.0)])
def test_a_shard_with_covariates_that_no_participant_has_is_refused(copied, place, value):
    folder, seal = copied
    with h5py.File(folder / SHARD, "a") as shard:
        shard["covariates"][1, place] = value
    seal()
    dataset = open_dataset(folder)
    with pytest.raises(InconsistentError, match="covariates of row 1 cannot be"):
        dataset.covariates(dataset.pairs()[0])


@pytest.fixture(scope="module")
def told(chain, tmp_path_factory):
    """A model that is told age, sex and BMI, after two steps."""
    out, config = tmp_path_factory.mktemp("told") / "ldm", TrainLdm.load(preset="tiny", covariates=True, max_steps=2)
    train_ldm.run(chain.dataset, chain.vae, out, config, execution=Execution(device="cpu"))
    return out


@pytest.fixture
def draw(xrmri, tmp_path):
    """Draw the sample knee; returns the voxels' file, its sidecar and what was said."""

    def call(model, name, *arguments):
        from xrmri.samples import __path__ as samples

        file = tmp_path / name / "a.nii.gz"
        said = xrmri("generate", f"{samples[0]}/knee.png", "--model", model, "-o", file, *TINY, *arguments)
        assert said.code == 0, said.err
        return file.read_bytes(), json.loads(file.with_name("a.json").read_bytes()), said

    return call


def test_a_model_that_is_told_them_has_71_slots_and_draws_another_volume_for_another_age(told, draw, tmp_path):
    facts = read_model_facts(told)
    assert facts.covariates == ("age", "sex", "bmi") and facts.denoiser.feature_slots == 71
    assert "Of the participant: age, sex, bmi." in (told / "README.md").read_text(encoding="utf-8")
    (tmp_path / "kl.json").write_text('{"kl": 2, "age": 50, "sex": "F"}')
    features = ["--features", tmp_path / "kl.json"]
    young, sidecar, said = draw(told, "young", *features)
    assert sidecar["covariates_used"] == {"age": 50, "sex": "female"} and sidecar["covariates_missing"] == ["bmi"]
    assert sidecar["features_used"] == {"V00XRKL": 2} and "is not told" not in said.err
    old, other, _ = draw(told, "old", *features, "--set", "age=79")
    assert old != young and other["identity"] != sidecar["identity"] and other["covariates_used"]["age"] == 79
    same, _, again = draw(told, "young", *features)
    assert same == young and "already done" in again.err + again.out


def test_an_age_of_null_is_an_age_that_nobody_gave(told, draw):
    nothing, sidecar, _ = draw(told, "nothing", "--set", "kl=2")
    null, same, _ = draw(told, "null", "--set", "kl=2", "--set", "age=null", "--set", "sex=null")
    assert null == nothing and same["identity"] == sidecar["identity"]
    assert sidecar["covariates_used"] == {} and sidecar["covariates_missing"] == ["age", "sex", "bmi"]


def test_a_model_that_is_not_told_them_draws_the_same_and_says_what_it_ignores(chain, draw):
    plain, without, _ = draw(chain.ldm, "plain", "--set", "kl=2")
    ignoring, sidecar, said = draw(chain.ldm, "ignoring", "--set", "kl=2", "--set", "age=63", "--set", "bmi=null")
    assert ignoring == plain and said.err.count("age changes nothing") == 1
    assert sidecar["covariates_ignored"] == {"age": 63} and sidecar["covariates_used"] == {}
    assert "covariates_ignored" not in without and sidecar["identity"] != without["identity"]


def test_the_pairs_of_a_dataset_bring_their_own_and_set_changes_one(chain, told, xrmri, tmp_path):
    dataset = open_dataset(chain.dataset)
    for out, more in (("own", []), ("female", ["--set", "sex=female", "--set", "bmi=null"])):
        drawn = xrmri("generate", chain.dataset, "--model", told, "-o", tmp_path / out, *more, *TINY)
        assert drawn.code == 0, drawn.err
        for pair_id in dataset.pairs("test"):
            sidecar = json.loads((tmp_path / out / f"{pair_id}.json").read_bytes())
            own = dataset.covariates(pair_id)
            changed = {"age": own["age"], "sex": "female"}
            assert sidecar["covariates_used"] == (changed if more else own)
            assert sidecar["covariates_missing"] == (["bmi"] if more else [])


def test_a_training_does_not_start_from_a_model_that_is_told_something_else(chain, told, xrmri, tmp_path):
    refused = xrmri("train-ldm", chain.dataset, chain.vae, "-o", tmp_path / "ldm", "--init", told, *TINY)
    assert refused.code == 3
    assert "was trained with covariates True, this training has False" in refused.err


def test_each_covariate_is_left_out_for_itself_in_the_share_that_features_are(chain):
    config = TrainLdm(covariates=True, drop_features=0.25, drop_token=0, drop_both=0, drop_concat=0)
    images = np.zeros((1, 1, 4, 2, 2), np.float32)
    latents = SimpleNamespace(moments=np.zeros((1, 2, 4, 2, 2)), radiographs=images, tokens=np.zeros((1, 1, 3)))
    features = np.full((1, 71), 2, np.float32)
    samples = Samples(
        slices=SimpleNamespace(depths=1), items=[0], latents=latents, features=features, scale=1.0, config=config
    )
    seen = samples.training_batch(Shuffle(count=1, seed=0), range(2000)).features.numpy()
    readings, (age, sex, bmi) = seen[:, :65], (seen[:, 65:67], seen[:, 67:69], seen[:, 69:])
    assert all((one[:, 0] == one[:, 1]).all() for one in (age, sex, bmi)) and (features == 2).all()
    assert np.mean(readings[:, 0] == 0) == pytest.approx(0.25, abs=0.03)
    whole = readings[:, 0] > 0
    alone = np.mean((age[whole, 0] > 0) & (sex[whole, 0] == 0) & (bmi[whole, 0] == 0))
    assert alone == pytest.approx(0.75 * 0.25**2, abs=0.02)


def test_the_readings_of_all_films_become_a_table_that_teaches_a_reader(chain, tmp_path, monkeypatch):
    out = tmp_path / "known.csv"
    monkeypatch.setattr("sys.argv", ["known_films", str(chain.knees), str(chain.oai), "-o", str(out)])
    assert known_films.main() == 0
    found = read_known_films(chain.knees, out)
    assert 4 <= len(found.rows) <= 20 and "v00xrkl" in found.columns
    read = pd.read_csv(chain.oai / READ, sep="|", dtype=str)
    of_knee = {(line.ID, {"1": "right", "2": "left"}[line.SIDE[0]]): line.V00XRKL for line in read.itertuples()}
    table, knees = pd.read_csv(out, dtype=str), pd.read_csv(chain.knees / "knees.csv", dtype=str).set_index("name")
    for line in table.itertuples():
        knee = knees.loc[line.name]
        person = next(part for part in Path(knee["source"]).parts if part.startswith("9") and len(part) == 7)
        assert line.V00XRKL == of_knee[person, knee["side"]][0]
    assert known_films.main() == 2  # what lies there already is not overwritten
