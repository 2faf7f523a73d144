"""`make reproduce` on the tiny preset: every command that the script gives, in this process, and what they leave.

A release that is there already stands for OAI=/path, so this walks the way of real knees: no phantom, no twins.
"""

import json
import logging
import os
import re
import runpy
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from tests.reproduction.learning_rate import main as choose
from tests.reproduction.telling import last_loss
from xrmri.config import BuildDataset, Phantom, TrainLdm, TrainVae

ROOT = Path(__file__).parents[1]
METHODS = ("anchored", "regression", "hidden", "xray2mri", "no-readings", "ldm", "cola-diff", "x-diffusion")
SEARCHED = ("xray2mri", "ldm", "cola-diff", "x-diffusion", "hidden")


def commands_of(folder: Path, oai: str, size: str = "tiny") -> list[list[str]]:
    """What the script would give Python to do, in order."""
    told, stub = folder / "told.jsonl", folder / "python"
    stub.write_text(
        f"#!{sys.executable}\nimport json, sys\nopen({str(told)!r}, 'a').write(json.dumps(sys.argv[1:]) + '\\n')\n"
    )
    stub.chmod(0o755)
    script = ["sh", "tests/reproduce.sh", str(stub), str(folder / "work"), size]
    subprocess.run(script, cwd=ROOT, env=os.environ | {"OAI": oai}, check=True)
    return [json.loads(line) for line in told.read_text(encoding="utf-8").splitlines()]


def obey(command: list[str]) -> None:
    from xrmri.cli.main import main

    try:
        if command[1] == "xrmri":
            sys.argv = ["xrmri", *command[2:], "--device", "cpu", "--workers", "1"]
            main()
        else:
            sys.argv = command[1:]
            runpy.run_module(command[1], run_name="__main__")
    except SystemExit as ended:
        assert not ended.code, f"{sys.argv} ended with {ended.code}"


@pytest.fixture(scope="module")
def made(chain, tmp_path_factory):
    """The folder of a whole reproduction."""
    folder, argv, before = tmp_path_factory.mktemp("reproduce"), sys.argv, Path.cwd()
    commands = commands_of(folder, str(chain.root / "oai"))
    os.chdir(ROOT)
    try:
        for command in commands:
            obey(command)
    finally:
        sys.argv = argv
        os.chdir(before)
        logging.getLogger("xrmri").handlers = []
    return folder / "work"


def record(folder: Path) -> dict:
    return json.loads((folder / "run.json").read_bytes())


def test_all_methods_have_one_budget_one_autoencoder_and_no_more_to_go_by(made):
    records = {name: record(made / "seed0" / name) for name in METHODS if name != "regression"}
    same = ("max_steps", "batch_size", "covariates", "decay", "prediction", "channels", "seed")
    for name, one in records.items():
        assert [one["config"][key] for key in same] == [records["ldm"]["config"][key] for key in same], name
        assert one["config"]["anchor"] == (name == "anchored")
        shared = ("dataset",) if name == "hidden" else ("dataset", "vae")
        assert [one["inputs"][key] for key in shared] == [records["ldm"]["inputs"][key] for key in shared]
    assert not records["ldm"]["config"]["covariates"]
    rates = {name: one["config"]["learning_rate"] for name, one in records.items()}
    assert rates["anchored"] == rates["no-readings"] == rates["xray2mri"] and set(rates.values()) <= {1e-3, 4e-3}
    for name in SEARCHED:
        losses = {folder.name: last_loss(folder) for folder in (made / "search" / name).iterdir()}
        assert len(losses) == 2 and rates[name] == float(min(losses, key=losses.get))
    assert records["no-readings"]["config"]["without"] == ["features"]


def test_every_method_stands_in_one_comparison_with_corrected_tests(made):
    summary = json.loads((made / "evaluation-seed0" / "summary.json").read_bytes())
    assert summary["run_names"][:2] == list(METHODS[:2]) and set(summary["run_names"]) == set(METHODS)
    compared = {(row["metric"], frozenset((row["one"], row["other"]))) for row in summary["runs"]}
    assert len([pair for metric, pair in compared if metric == "ssim"]) == 8 * 7 / 2
    flips = json.loads((made / "evaluation-V00XROSTM-xray2mri" / "summary.json").read_bytes())["flips"]
    assert flips["grades"] == {"V00XROSTM": [0, 1]} and flips["change"] > 0


def test_the_hidden_variables_rival_lies_where_the_others_lie_and_its_encoder_learnt_films_alone(made):
    from safetensors.torch import load_file

    from xrmri.formats.nifti import read_volume

    drawn = sorted((made / "seed0" / "volumes" / "hidden").glob("*.nii.gz"))
    assert len(drawn) == len(list((made / "seed0" / "volumes" / "ldm").glob("*.nii.gz"))) > 0
    for file in drawn:
        own, other = read_volume(file), read_volume(made / "seed0" / "volumes" / "ldm" / file.name)
        assert (own.geometry.affine == other.geometry.affine).all() and own.side == other.side
        assert own.voxels.shape == other.voxels.shape and own.voxels.std() > 0
    folder = made / "seed0" / "hidden"
    films = load_file(folder / "films" / "checkpoints" / "step-0000004" / "average.safetensors")
    volumes = load_file(folder / "hidden.safetensors")
    encoder = [name for name in volumes if name.startswith("encode.")]
    assert len(encoder) == 16 and all(films[name].equal(volumes[name]) for name in encoder)


def test_more_depths_of_shared_noise_are_smoother_and_a_blend_is_another_volume(made):
    summary = json.loads((made / "evaluation-depths-shared" / "summary.json").read_bytes())
    found = {one["slices"]: one["median"] for one in summary["continuity"].values()}
    assert set(found) == {6, 11} and found[11] > found[6]
    rows = json.loads((made / "evaluation-between-shared" / "summary.json").read_bytes())["runs"]
    assert {row["other"] for row in rows} == {"shared-blended"} and any(row["median"] for row in rows)


def test_the_tables_say_what_the_summaries_say_and_the_pictures_are_small(made):
    text = (made / "results" / "results.md").read_text(encoding="utf-8")
    summary = json.loads((made / "evaluation-seed0" / "summary.json").read_bytes())
    for name in METHODS:
        source = "generated" if name == "anchored" else name
        row = next(line for line in text.splitlines() if line.startswith(f"| {name} | ") and " to " in line)
        assert f"| {summary['ssim'][source]['median']:.3f} (" in row
    assert len(re.findall("^## ", text, re.MULTILINE)) == 9 and "| T1 | 10 | 80 |" in text
    pictures = {file.name: file for file in (made / "results").glob("*.png")}
    wanted = {f"{name}.png" for name in ("fig4", "fig4-series", "fig5", "fig6", "table2", "table4")}
    assert wanted | {"table3-V00XROSTM-xray2mri.png"} <= set(pictures)
    assert sum(file.stat().st_size for file in pictures.values()) < 1_000_000
    for file in pictures.values():
        with Image.open(file) as picture:
            assert picture.width <= 760 and len(picture.convert("RGB").getcolors(100_000)) > 2


def test_the_checklist_beside_the_report_tells_what_files_know_and_names_what_is_open(made):
    text = (made / "evaluation-seed0" / "checklist.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| (\d+) \| [^|]* \| (.*) \|$", text.split("## MI-CLAIM-GEN")[0], re.MULTILINE))
    assert list(rows) == [str(number) for number in range(1, 45)]
    assert "`xray2mri`" in rows["1"] and "anchor = True" in rows["25"] and "max_steps = 4" in rows["25"]
    assert rows["5"] == "Synthetic: nobody was examined." and "0.7 : 0.1 : 0.2" in rows["19"]
    opened = re.search(r"\*\*Open, (\d+) of 44: ([\d, ]+)\.\*\*", text)
    numbers = opened[2].split(", ")
    assert len(numbers) == int(opened[1]) and numbers == [name for name, cell in rows.items() if "**Open:**" in cell]
    parts = [number[0] for number in re.findall(r"^\| (\d\.\d) \|", text, re.MULTILINE)]
    assert [parts.count(part) for part in "12356"] == [6, 4, 4, 5, 4]
    assert {"2", "33", "44"} <= set(numbers) and not {"1", "20", "37"} & set(numbers)


@pytest.mark.parametrize("size", ["tiny", "laptop", "demo"])
def test_no_rival_is_searched_less_and_every_setting_is_one_of_the_program(tmp_path, size):
    commands = commands_of(tmp_path, "", size)
    preset = {command[command.index("--preset") + 1] for command in commands if "--preset" in command}
    assert preset == {"demo" if size == "laptop" else size}
    kinds = {"cohort": Phantom, "twins": Phantom, "dataset": BuildDataset, "vae": TrainVae}
    loaded = {
        file.stem: kinds.get(file.stem, TrainLdm).load(preset=preset.copy().pop(), file=file)
        for file in (tmp_path / "work" / "settings").glob("*.toml")
    }
    shares = (0.8, 0.1, 0.1) if size == "laptop" else (0.7, 0.1, 0.2)
    assert loaded["dataset"].frame == "scanner" and loaded["dataset"].shares == shares
    tried = {}
    for command in commands:
        if "--learning-rate" in command:
            *_, method, rate = command[command.index("-o") + 1].split("/")
            tried.setdefault(method, {})[rate] = Path(command[command.index("--config") + 1]).stem
    assert set(tried) == set(SEARCHED)
    assert len({frozenset(rates) for rates in tried.values()}) == 1
    assert len({loaded[name].max_steps for rates in tried.values() for name in rates.values()}) == 1
    assert len({loaded[name].max_steps for name in tried}) == 1
    assert not any("--split" in command for command in commands)  # what is drawn and judged is the test split


def test_a_rate_that_diverges_is_out_and_a_command_that_stops_ends_the_script_with_its_code(tmp_path):
    search, settings = tmp_path / "search", tmp_path / "ldm.toml"
    for rate, status, loss in (("1e-4", "finished", 0.5), ("4e-4", "finished", 0.4), ("1.6e-3", "failed", 0.1)):
        (search / rate).mkdir(parents=True)
        (search / rate / "run.json").write_text(json.dumps({"status": status}))
        (search / rate / "metrics.jsonl").write_text(json.dumps({"validation_loss": loss}) + "\n")
    settings.write_text("anchor = false\nlearning_rate = 1.0\n")
    choose(search, settings)
    assert settings.read_text(encoding="utf-8") == "anchor = false\nlearning_rate = 0.0004\n"
    stub = tmp_path / "python"
    for where, code, ends in (("1e-3", 3, 0), ("1e-3", 75, 75), ("train-vae", 3, 3), ("evaluate", 75, 75)):
        stub.write_text(f'#!/bin/sh\ncase "$*" in *{where}*) exit {code} ;; esac\n')
        stub.chmod(0o755)
        script = ["sh", "tests/reproduce.sh", str(stub), str(tmp_path / "work"), "tiny"]
        assert subprocess.run(script, cwd=ROOT, check=False).returncode == ends, (where, code)


def test_a_signal_while_trainings_run_side_by_side_lets_each_of_them_save(tmp_path):
    stub, started = tmp_path / "python", tmp_path / "started"
    saves = f"trap 'echo saved; exit 75' TERM; echo one >> {started}; while :; do sleep 0.1; done"
    stub.write_text(f'#!/bin/sh\ncase "$*" in *train-ldm*) {saves} ;; esac\n')
    stub.chmod(0o755)
    side_by_side = 2 if (os.cpu_count() or 1) > 1 and not shutil.which("nvidia-smi") else 1
    script = ["sh", "tests/reproduce.sh", str(stub), str(tmp_path / "work"), "tiny"]
    run = subprocess.Popen(script, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True)
    while not started.exists() or len(started.read_text(encoding="utf-8").split()) < side_by_side:
        assert run.poll() is None
        time.sleep(0.05)
    os.killpg(run.pid, signal.SIGTERM)
    said, _ = run.communicate(timeout=60)
    assert said.split() == ["saved"] * side_by_side and run.returncode == 75


def test_a_checklist_of_volumes_of_another_hand_leaves_open_what_nobody_wrote_down():
    from xrmri.report.checklist import filled

    item = {"told": "Method {method}, {slices} slices", "open": ""}
    assert filled(item, {"method": "ldm", "slices": "50"}) == ("Method ldm, 50 slices", "")
    assert filled(item, {"slices": "50"}) == ("", "no file tells method")


def test_a_batch_job_that_runs_out_of_time_lets_the_command_save_and_queues_itself_again(tmp_path):
    programs = {
        ".venv/bin/python": "trap 'echo saved; exit 75' TERM\ntouch started\nwhile :; do sleep 0.1; done",
        "bin/scontrol": 'echo "$@"',
    }
    for name, text in programs.items():
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    job = {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "SLURM_JOB_ID": "7", "OAI": "/data/oai"}
    script = ["bash", str(ROOT / "docs" / "slurm" / "reproduce.sbatch"), "work", "tiny"]
    run = subprocess.Popen(script, cwd=tmp_path, env=job, stdout=subprocess.PIPE, text=True)
    while not (tmp_path / "started").exists():
        assert run.poll() is None
        time.sleep(0.05)
    run.terminate()
    said, _ = run.communicate(timeout=60)
    assert said.splitlines() == ["saved", "exit code 75, restart 0", "requeue 7"]
