"""A dataset has the same bytes whoever builds it: one process, two workers, or an array whose tasks may be killed."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.stages.test_oai_quirks import CONFIG, PAIRED, Laid, write_release
from xrmri.config import Execution
from xrmri.data.store import open_dataset
from xrmri.runs.record import read_record
from xrmri.stages.build_dataset import BuildInputs, array_task, run, with_shards

SHARDS = 4
TABLES = ("index.csv", "rejected.csv", "dataset.json")
SLURM = Path(__file__).parents[2] / "docs" / "slurm"
OPTIONS = ["--size", "32", "--slices", "6", "--max-rejected", "0.9"]


@pytest.fixture(scope="module")
def laid(tmp_path_factory) -> tuple[Laid, Path, Path]:
    """The release of all quirks, its knees, and settings for slices so few."""
    root = tmp_path_factory.mktemp("shards")
    release = write_release(root / "oai")
    (root / "settings.toml").write_text("[build-dataset]\nfirst_slice = 1\nlast_slice = 5\n")
    return release, release.knees(root / "knees"), root / "settings.toml"


@pytest.fixture(scope="module")
def whole(laid, tmp_path_factory) -> Path:
    """All shards by one process with one worker."""
    out = tmp_path_factory.mktemp("whole") / "dataset"
    run(BuildInputs(source=laid[0].root, knees=laid[1]), out, with_shards(CONFIG, SHARDS), Execution(workers=1))
    return out


def same_bytes(folder: Path, whole: Path) -> None:
    """Every shard, its record and every table, byte by byte."""
    names = sorted(file.name for file in whole.iterdir() if file.name != "run.json")
    assert len(names) == 2 * SHARDS + len(TABLES) and sorted(file.name for file in folder.iterdir()) == [
        *names,
        "run.json",
    ]
    for name in names:
        assert (folder / name).read_bytes() == (whole / name).read_bytes(), name


def arguments(laid: tuple[Laid, Path, Path], out: Path) -> list[str]:
    """The command that every process of a cluster is given."""
    release, knees, settings = laid
    return ["build-dataset", str(release.root), "-o", str(out), "--knees", str(knees), "--config", str(settings),
            *OPTIONS, "--workers", "1", "--no-progress"]  # fmt: skip


def test_two_workers_write_the_bytes_that_one_writes_and_index_is_in_order(laid, whole, tmp_path):
    inputs = BuildInputs(source=laid[0].root, knees=laid[1])
    run(inputs, tmp_path / "dataset", with_shards(CONFIG, SHARDS), Execution(workers=2))
    same_bytes(tmp_path / "dataset", whole)
    pairs = open_dataset(whole).pairs()
    assert pairs == sorted(pairs) and len(pairs) == len(PAIRED)


def test_one_file_holds_the_same_pairs_as_four(laid, whole, tmp_path):
    run(BuildInputs(source=laid[0].root, knees=laid[1]), tmp_path / "dataset", CONFIG, Execution(workers=1))
    one, four = open_dataset(tmp_path / "dataset"), open_dataset(whole)
    assert one.pairs() == four.pairs() and (one.index["split"] == four.index["split"]).all()
    assert all((one.volume(pair) == four.volume(pair)).all() for pair in one.pairs())
    assert (tmp_path / "dataset" / "rejected.csv").read_bytes() == (whole / "rejected.csv").read_bytes()


def test_the_tasks_of_an_array_write_them_too_though_one_is_killed_and_resubmitted(
    laid, whole, tmp_path, xrmri, monkeypatch
):
    out = tmp_path / "dataset"

    def task(number: int, **more: str) -> int:
        for name, value in {"ID": str(number), "COUNT": "4", "MIN": "0", **more}.items():
            monkeypatch.setenv(f"SLURM_ARRAY_TASK_{name}", value)
        return xrmri(*arguments(laid, out)).code

    assert [task(number) for number in (3, 0, 1)] == [0, 0, 0]
    (out / "pairs-00002-of-00004.host-1.partial.h5").write_bytes(b"half a shard")  # what a killed task leaves
    missing = xrmri("build-dataset", laid[0].root, "-o", out, "--merge")
    assert missing.code == 3 and "--array=2;" in missing.err and len(missing.err.splitlines()) == 1
    assert "size was 32, now 64" in xrmri("build-dataset", out, "--merge", "--size", 64).err
    assert task(2, COUNT="1", MIN="2") == 0
    again = xrmri(*arguments(laid, out), "--json")
    assert again.code == 0 and again.result["status"] == "already done"
    merged = xrmri("build-dataset", laid[0].root, "-o", out, "--merge", "--json")
    assert merged.code == 0 and merged.result["counts"]["pairs"] == len(PAIRED)
    same_bytes(out, whole)
    assert read_record(out).status == "finished"
    assert xrmri("build-dataset", out, "--merge", "--json").result["status"] == "already done"
    assert xrmri("build-dataset", out, "--verify", "--json").result["shards"] == SHARDS


def test_shards_of_other_settings_or_damaged_ones_are_not_merged(laid, whole, tmp_path, xrmri):
    out = tmp_path / "dataset"
    shutil.copytree(whole, out)
    shard = out / "pairs-00001-of-00004.h5"
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 1
    shard.write_bytes(content)
    for option in ("--verify", "--merge"):
        if option == "--merge":
            (out / "index.csv").unlink()  # otherwise the merge has nothing to do
        said = xrmri("build-dataset", out, option)
        assert said.code == 3 and "pairs-00001-of-00004.h5 has changed" in said.err and len(said.err.splitlines()) == 1
    other = xrmri(*arguments(laid, out), "--feature-set", "paper", "--shard", "1/4")
    assert other.code == 2 and 'feature_set was "full", now "paper"' in other.err


@pytest.mark.parametrize("given", ["4/4", "1", "a/b", "-1/4", "1/0"])
def test_a_shard_that_is_none_is_refused_in_one_line(xrmri, given, tmp_path):
    said = xrmri("build-dataset", tmp_path, "--shard", given, "-o", tmp_path / "out")
    assert said.code == 2 and len(said.err.splitlines()) == 1 and not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("environment", "begun", "expected"),
    [
        ({}, None, None),
        ({"ID": "2", "COUNT": "4", "MIN": "0"}, None, (2, 4)),
        ({"ID": "2"}, 4, (2, 4)),
        ({"ID": "3", "COUNT": "4", "MIN": "1"}, None, (2, 4)),
        ({"ID": "3", "COUNT": "4", "MIN": "1"}, 4, (2, 4)),
        ({"ID": "3", "COUNT": "2", "MIN": "1"}, 4, (3, 4)),
    ],
)
def test_a_task_of_an_array_knows_its_shard_also_when_only_some_are_resubmitted(
    whole, tmp_path, environment, begun, expected
):
    variables = {f"SLURM_ARRAY_TASK_{name}": value for name, value in environment.items()}
    assert array_task(variables, CONFIG, whole if begun else tmp_path) == expected


@pytest.mark.parametrize("script", ["build-dataset.sh", "shard.sbatch", "merge.sbatch"])
def test_the_batch_scripts_are_bash(script):
    subprocess.run(["bash", "-n", SLURM / script], check=True)


def has_slurm() -> bool:
    """Whether a Slurm answers on this machine."""
    return bool(shutil.which("sbatch")) and not subprocess.run(["sinfo"], check=False, capture_output=True).returncode


@pytest.mark.slurm
@pytest.mark.skipif(not has_slurm(), reason="no Slurm answers on this machine")
def test_a_real_slurm_builds_them_with_the_scripts_of_the_documentation(laid, whole, tmp_path):
    release, knees, settings = laid
    out = tmp_path / "dataset"
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "AT_ONCE": "2"}
    submit = [
        SLURM / "build-dataset.sh",
        release.root,
        out,
        str(SHARDS),
        "--knees",
        knees,
        "--config",
        settings,
        *OPTIONS,
    ]

    def submitted() -> list[str]:
        said = subprocess.run(submit, cwd=tmp_path, env=environment, check=True, capture_output=True, text=True).stdout
        return [line.rpartition(" ")[2] for line in said.splitlines()]

    def log(job: str) -> str:
        file = tmp_path / f"xrmri-merge-{job}.log"
        return file.read_text(encoding="utf-8") if file.exists() else ""

    def wait(*jobs: str) -> None:
        for _ in range(600):
            said = subprocess.run(["squeue", "-h", "-j", ",".join(jobs)], check=False, capture_output=True, text=True)
            if not said.stdout.strip():
                return
            time.sleep(0.5)
        pytest.fail("Slurm did not finish in five minutes")

    array, merge = submitted()
    while not list(out.glob("pairs-00001-of-00004.*.partial.h5")):  # half-way through the second shard
        time.sleep(0.02)
    subprocess.run(["scancel", "--signal=KILL", "--full", f"{array}_1"], check=True)
    wait(array, merge)
    assert "lacks 1 of 4 shards" in log(merge) and not (out / "index.csv").exists()
    array, merge = submitted()
    wait(array, merge)
    assert log(merge).strip() == str(out)
    same_bytes(out, whole)
