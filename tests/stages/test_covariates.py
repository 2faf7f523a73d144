"""Age, sex and BMI go from a release's tables into a dataset, and from there or a person's JSON into a volume."""

import shutil

import h5py
import pytest

from tests.conftest import TINY
from tests.made_facts import record_dataset
from xrmri.data.store import open_dataset
from xrmri.errors import InconsistentError

NOBODY = {"age": None, "sex": None, "bmi": None}
SHARD = "pairs-00000-of-00001.h5"


def table(file):
    """Participant -> the cells of a row."""
    header, *rows = (line.split("|") for line in file.read_text().splitlines())
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


def test_a_dataset_of_an_earlier_version_is_read_and_knows_nobody(copied):
    folder, seal = copied
    with h5py.File(folder / SHARD, "a") as shard:
        del shard["covariates"]
    seal()
    dataset = open_dataset(folder)
    assert dataset.covariates(dataset.pairs()[0]) == NOBODY and dataset.grades(dataset.pairs()[0])


@pytest.mark.parametrize("place, value", [(0, 620.0), (1, 0.5), (1, float("inf")), (2, -1.0)])
def test_a_shard_with_covariates_that_no_participant_has_is_refused(copied, place, value):
    folder, seal = copied
    with h5py.File(folder / SHARD, "a") as shard:
        shard["covariates"][1, place] = value
    seal()
    dataset = open_dataset(folder)
    with pytest.raises(InconsistentError, match="covariates of row 1 cannot be"):
        dataset.covariates(dataset.pairs()[0])
