"""A person's mistake is one line and exit code 2, and leaves nothing half-written."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from xrmri.cli.examples import EXAMPLES

TRAINING = {"--output", "--init", "--init-partial", "--max-steps", "--batch-size", "--learning-rate", "--precision",
            "--time-limit"}  # fmt: skip
COMMANDS = {
    "phantom": {"--output", "--participants", "--matrix", "--labels", "--scan", "--twin", "--release", "--left-flash",
                "--figures"},
    "detect-knee": {"--output", "--side", "--weights", "--trust-weights", "--min-score", "--overview"},
    "build-dataset": {"--output", "--manifest", "--manifest-template", "--series", "--sequence", "--slice-window",
                      "--plane", "--field-of-view-mm", "--knees", "--size", "--slices", "--feature-set",
                      "--max-rejected", "--frame", "--template", "--shards", "--shard", "--figures", "--merge",
                      "--verify"},
    "train-vae": TRAINING,
    "train-ldm": TRAINING | {"--method", "--anchor-dataset", "--films", "--film-table", "--latents"},
    "generate": {"--output", "--mean", "--features", "--set", "--side", "--model", "--split", "--num-slices", "--steps",
                 "--sampler", "--eta", "--guidance", "--guidance-features", "--noise", "--noise-length-mm", "--samples",
                 "--precision", "--sweep", "--like", "--frame", "--dicom", "--gif", "--html", "--shard", "--both",
                 "--as-is", "--labels"},
    "evaluate": {"--output", "--bootstrap", "--also", "--rescan", "--twin", "--flipped", "--quick", "--training"},
}  # fmt: skip
EVERY_COMMAND = {"--config", "--preset", "--seed", "--device", "--workers", "--dry-run", "--force", "--explain",
                 "--json", "--quiet", "--no-progress", "--help"}  # fmt: skip


def one_line(said, code=2):
    """The only line on stderr of a command that failed by its user's fault."""
    assert said.code == code, said
    assert said.out == ""
    lines = said.err.splitlines()
    assert len(lines) == 1 and lines[0].startswith("xrmri: "), said.err
    return lines[0]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_options_of_a_command_are_these_and_no_others(command, xrmri):
    said = xrmri(command, "--help")
    shown = {word.rstrip(",") for word in said.out.split() if word.startswith("--")}
    own = {flag for flag in shown if any(f" {flag} " in line[:40] for line in said.out.splitlines())}
    assert own == COMMANDS[command] | EVERY_COMMAND


@pytest.mark.parametrize("command", COMMANDS)
def test_help_sorts_options_and_ends_with_examples_that_the_command_understands(command, xrmri):
    said = xrmri(command, "--help").out
    heads = [said.index(head) for head in ("Options:", "Settings (--explain", "Options of every command:", "Examples:")]
    assert heads == sorted(heads) and "paper (as published)" in " ".join(said.split())
    for line, meaning in EXAMPLES[command]:
        assert line in said and meaning in said and line.startswith(f"xrmri {command} ")
        flags = {word for word in line.split() if word.startswith("--")}
        assert flags <= COMMANDS[command] | EVERY_COMMAND, line


def test_a_dry_run_speaks_in_sentences_and_to_machines_in_json(xrmri, chain, tmp_path):
    said = xrmri("build-dataset", chain.oai, "-o", tmp_path / "new", "--dry-run").out.splitlines()
    assert said[0] == "Nothing is written: this is what the command would do."
    assert f"Results would stand in {tmp_path / 'new'}." in said
    assert "Series found: 10 FLASH, 10 radiograph, 30 other. They make 10 pairs of a radiograph and an MRI." in said
    assert "Each volume would have 50 slices, called FLASH." in said and "No series is left out." in said
    said = xrmri("train-vae", chain.dataset, "-o", tmp_path / "vae", "--dry-run", "--preset", "tiny").out
    assert "Parameters of the networks: " in said
    said = xrmri("evaluate", chain.volumes, chain.dataset, "-o", tmp_path / "e", "--dry-run").out
    assert "It would compare " in said and "{" not in said
    said = xrmri("generate", chain.dataset, "--model", chain.ldm, "-o", tmp_path / "v", "--dry-run").out
    assert "The model 'ldm' draws." in said and "It would draw " in said
    assert not list(tmp_path.iterdir())


def test_help_and_version_end_with_0_and_an_unknown_command_or_option_with_one_line_and_2(xrmri):
    assert xrmri("--help").code == 0
    assert xrmri("--version").out.startswith("xrmri 0.")
    assert "nonsense" in one_line(xrmri("nonsense"))
    assert "--nonsense" in one_line(xrmri("generate", "knee.png", "--nonsense"))
    assert "'--matrix'" in one_line(xrmri("phantom", "--matrix", "not-a-number"))


@pytest.fixture
def files(tmp_path):
    """Radiographs and readings that cannot be used, by name."""
    import numpy as np
    from PIL import Image

    good = (np.random.default_rng(0).random((224, 224)) * 255).astype(np.uint8)
    Image.fromarray(good).save(tmp_path / "knee.png")
    Image.fromarray(np.zeros((224, 224), np.uint8)).save(tmp_path / "blank.png")
    (tmp_path / "text.png").write_text("this is not an image")
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "half.png").write_bytes((tmp_path / "knee.png").read_bytes()[:5000])
    (tmp_path / "folder").mkdir()
    for name, text in {
        "not.json": "{kl: 2", "list.json": "[2]", "unknown.json": '{"V00XRKLX": 2}', "high.json": '{"kl": 5}',
        "text.json": '{"kl": "two"}', "half.json": '{"kl": 1.5}', "good.json": '{"kl": 2}', "empty.json": "",
    }.items():  # fmt: skip
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("radiograph", "readings", "words"),
    [
        ("absent.png", "good.json", "absent.png does not exist"),
        ("text.png", "good.json", "text.png is not an image"),
        ("empty.png", "good.json", "empty.png is empty"),
        ("half.png", "good.json", "half.png cannot be read"),
        ("blank.png", "good.json", "blank.png is blank"),
        ("folder", "good.json", "folder is a folder"),
        ("knee.png", "absent.json", "absent.json cannot be read"),
        ("knee.png", "not.json", "not.json is not JSON"),
        ("knee.png", "empty.json", "empty.json is empty"),
        ("knee.png", "list.json", "list.json holds [2], not a JSON object"),
        ("knee.png", "unknown.json", "V00XROSFM"),
        ("knee.png", "high.json", "choose 0, 1, 2, 3, 4"),
        ("knee.png", "text.json", 'V00XRKL the grade "two"'),
        ("knee.png", "half.json", "V00XRKL the grade 1.5"),
        ("knee.png", "folder", "folder cannot be read"),
    ],
)
def test_generate_refuses_an_unusable_radiograph_or_reading_in_one_line(files, xrmri, radiograph, readings, words):
    said = xrmri("generate", files / radiograph, "--features", files / readings, "-o", files / "out" / "knee.nii.gz")
    assert words in one_line(said)
    assert not (files / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--side", "middle"], "--side must be left or right, not 'middle'"),
        (["--set", "V00XRKL"], "is not NAME=GRADE"),
        (["--set", "V00XRKL=9"], "choose 0, 1, 2, 3, 4"),
        (["--steps", "0"], "--steps must be 1 to 100000, not 0"),
        (["--num-slices", "1"], "--num-slices must be 2 to 4096, not 1"),
        (["--noise", "pink"], "--noise must be one of independent, shared, correlated"),
        (["--model", "."], "is not a model"),
        (["--device", "tpu"], "--device must be auto, cpu, cuda or cuda:N"),
        (["--config", "absent.toml"], "absent.toml cannot be read"),
    ],
)
def test_generate_refuses_impossible_settings_in_one_line(files, xrmri, arguments, words, monkeypatch):
    monkeypatch.chdir(files)
    assert words in one_line(xrmri("generate", "knee.png", *arguments, "-o", "out/knee.nii.gz"))
    assert not (files / "out").exists()


def test_an_output_that_cannot_be_written_is_refused_before_any_work(files, xrmri):
    (files / "file").write_text("in the way")
    said = xrmri("generate", files / "knee.png", "--as-is", "-o", files / "file" / "knee.nii.gz")
    assert "cannot be written" in one_line(said)
    (files / "taken.nii.gz").write_text("somebody else's")
    said = xrmri("generate", files / "knee.png", "--as-is", "-o", files / "taken.nii.gz")
    assert "exists and was not written by xrmri: move it away" in one_line(said)
    assert (files / "taken.nii.gz").read_text(encoding="utf-8") == "somebody else's"


@pytest.mark.parametrize(
    "arguments",
    [
        ["build-dataset", "nowhere", "-o", "out"],
        ["detect-knee", "nowhere", "-o", "out"],
        ["train-vae", "nowhere", "-o", "out"],
        ["train-ldm", "nowhere", "nothing", "-o", "out"],
        ["evaluate", "nowhere", "nothing", "-o", "out"],
        ["generate", "nowhere", "-o", "out"],
    ],
)
def test_every_command_says_in_one_line_that_its_input_is_not_there(arguments, xrmri, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "nowhere" in one_line(xrmri(*arguments))
    assert not (tmp_path / "out").exists()


def test_with_json_an_error_is_one_json_document_on_stderr(xrmri, tmp_path):
    said = xrmri("generate", tmp_path / "absent.png", "--json")
    told = json.loads(said.err)
    assert (said.code, told["exit_code"]) == (2, 2)
    assert "absent.png does not exist" in told["error"]


def test_the_installed_program_and_python_m_xrmri_are_the_same():
    program = Path(sys.executable).with_name("xrmri")
    starts = [[sys.executable, "-m", "xrmri"], [str(program)]]
    said = {subprocess.check_output([*start, "--version"], text=True) for start in starts}
    assert len(said) == 1


def test_the_first_screen_says_what_each_command_does_without_cutting_a_sentence_off(xrmri):
    said = xrmri("--help")
    lines = [line.strip() for line in said.out.splitlines()]
    names = ("phantom ", "detect-", "build-", "train-", "generate ", "evaluate ")
    commands = [line for line in lines if line.startswith(names)]
    assert len(commands) == 7 and all(line.endswith(".") and not line.endswith("...") for line in commands)


def test_the_help_of_a_command_says_what_paper_code_and_choice_mean(xrmri):
    assert "code (the public code that the paper descends from)" in " ".join(xrmri("generate", "--help").out.split())


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_speaks_of_what_a_person_gives_and_not_of_types_or_empty_defaults(xrmri, command):
    said = xrmri(command, "--help").out
    assert not re.search(r"<[a-z\[]|\[required\]|Default \.|Default False|\[\[", said)
    assert " PATH" in said or command in ("phantom", "evaluate")
