"""docs/extending.md does what it says: its changes, made to a copy of the program, are in the help and the tables."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def extended(tmp_path_factory):
    """Runs Python in a copy of the program with every change of the page made."""
    root = tmp_path_factory.mktemp("copy")
    shutil.copytree(ROOT / "xrmri", root / "xrmri", ignore=shutil.ignore_patterns("__pycache__", "pretrained"))
    shutil.copytree(ROOT / "cli", root / "xrmri" / "cli", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "data_manifests", root / "xrmri" / "data_manifests")
    (root / "xrmri" / "pretrained").symlink_to(ROOT / "xrmri" / "pretrained")
    changes = re.findall(r"```python\n# (\S+): (\w+)\n(.*?)```", PAGE, re.DOTALL)
    assert len(changes) == 6
    for file, table, row in changes:
        insert(root / file, table, row)
    manifest = root / "xrmri" / "data_manifests" / "radiographic_features.json"
    content = json.loads(manifest.read_text(encoding="utf-8"))
    content["features"].append(json.loads(re.search(r"```json\n(.*?)```", PAGE, re.DOTALL)[1]))
    manifest.write_text(json.dumps(content), encoding="utf-8")

    def run(program):
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, text=True,
            capture_output=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def insert(file, table, row):
    """Put a row last into the tuple, or the Literal, that a name is bound to."""
    source = file.read_text(encoding="utf-8")
    bound = next(
        node.value for node in ast.parse(source).body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == table
    )  # fmt: skip
    lines = source.splitlines(keepends=True)
    end = sum(map(len, lines[: bound.end_lineno - 1])) + bound.end_col_offset - 1
    before = source[:end].rstrip()
    file.write_text(f"{before.rstrip(',')},\n{row}{source[end:]}", encoding="utf-8")


def test_the_changed_program_names_what_was_added_in_its_help(extended):
    help_of = "import sys; sys.argv = ['xrmri', '{}', '--help']\nfrom xrmri.cli.main import main\nmain()"
    assert "ddim-half" in extended(help_of.format("generate"))
    assert "nothing" in extended(help_of.format("train-ldm"))
    assert "paper|full|extended" in extended(help_of.format("build-dataset"))


def test_a_metric_and_a_baseline_are_computed_judged_and_named_like_every_other(extended):
    said = extended(
        "import numpy as np\n"
        "from xrmri.metrics.measure import slice_scores\n"
        "from xrmri.metrics.metric import Reference\n"
        "from xrmri.report.figures import source_style\n"
        "volume = np.random.default_rng(0).random((3, 64, 64))\n"
        "print(slice_scores(Reference.of(volume, 3.0), volume * 0 + 0.5)['mae'].round(2).tolist())\n"
        "print(source_style(['generated', 'black'])['black'])\n"
    )
    assert said.splitlines() == ["[0.25, 0.25, 0.25]", "('black volume', '#999999')"]


def test_a_sampler_and_a_method_do_what_their_rows_say(extended):
    said = extended(
        "from xrmri.config import Generate\n"
        "from xrmri.generation.model import find_model\n"
        "from xrmri.generation.sampling import resolved\n"
        "from xrmri.models.unet import Denoiser, build_unet\n"
        "print(resolved(Generate(sampler='ddim-half'), find_model(None).facts).steps)\n"
        "unet = build_unet(channels=(16, 32), blocks=1, attention=(True, True), heads=2, context_width=16,"
        " latent_channels=4)\n"
        "print(type(Denoiser(unet, features=5, method='nothing').guidance).__name__)\n"
    )
    assert said.split() == ["25", "DepthAlone"]


def test_a_reading_is_known_to_tables_and_datasets_and_changes_no_set_that_models_were_trained_with(extended):
    said = extended(
        "from xrmri.data.features import feature_set, known_readings\n"
        "from xrmri.cohorts.readings import grade_of\n"
        "from xrmri.data.store import grade_names\n"
        "print(grade_names()[-1], known_readings().slots, feature_set('extended').slots, feature_set('full').slots)\n"
        "print(grade_of('V00XRNEW', '1: yes'), feature_set('full').sha256)\n"
    )
    from xrmri.data.features import feature_set

    assert said.split() == ["V00XRNEW", "67", "2", "65", "1", feature_set("full").sha256]


def test_the_page_counts_the_files_that_each_of_its_changes_touches():
    said = {name: (int(count), set(re.findall(r"`(.*?)`", files)))
            for name, count, files in re.findall(r"^\| ([\w ]+) \| (\d) \| (.*)\|$", PAGE, re.MULTILINE)}  # fmt: skip
    touched = {}
    for title, section in re.findall(r"^## An? (.*)\n((?:(?!^## ).*\n?)*)", PAGE, re.MULTILINE):
        files = set(re.findall(r"^```python\n# (\S+):", section, re.MULTILINE))
        files |= {"data_manifests/radiographic_features.json"} if "```json" in section else set()
        touched[title.removeprefix("compared ")] = (len(files), files)
    assert said == touched and len(said) == 6
