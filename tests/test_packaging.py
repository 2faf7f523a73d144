"""What an installation holds: one package, no module called cli beside it, and all that `generate` needs."""

import importlib.util
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> list[str]:
    """The names in the wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    # Built from a copy, because a build leaves its traces beside the sources.
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if tracked.returncode:
        pytest.skip("not a git checkout")
    for name in filter(None, tracked.stdout.split("\0")):
        if (ROOT / name).is_file() and not name.startswith("tests/"):
            (folder / "source" / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / "source" / name).write_bytes((ROOT / name).read_bytes())
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--wheel-dir", str(folder)]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, str(folder / "source")], check=True)
    return zipfile.ZipFile(next(folder.glob("xrmri-*.whl"))).namelist()


def test_the_wheel_has_no_module_beside_xrmri(wheel):
    assert {name.split("/")[0] for name in wheel if ".dist-info" not in name} == {"xrmri"}


def test_the_wheel_holds_the_commands_the_manifest_the_models_and_the_sample(wheel):
    wanted = ["cli/main.py", "data_manifests/radiographic_features.json", "samples/knee.png", "samples/kl.json",
              "pretrained/ldm/xrmri.json", "pretrained/detector/detector.safetensors"]  # fmt: skip
    assert [name for name in wanted if f"xrmri/{name}" not in wheel] == []
    assert any(name.startswith("xrmri/pretrained/ldm/unet/") and name.endswith(".safetensors") for name in wheel)


def test_the_bundled_weights_take_less_than_40_mb():
    assert sum(file.stat().st_size for file in (ROOT / "xrmri" / "pretrained").rglob("*.safetensors")) < 40e6


def test_every_folder_with_code_is_in_the_wheel(wheel):
    sources = {f"xrmri/{f.relative_to(ROOT / 'xrmri')}" for f in (ROOT / "xrmri").rglob("*.py")}
    sources |= {f"xrmri/cli/{f.name}" for f in (ROOT / "cli").glob("*.py")}
    assert sources <= set(wheel)


def test_an_editable_installation_has_the_commands_as_xrmri_cli_and_no_global_cli():
    assert importlib.util.find_spec("xrmri.cli.main") is not None
    found = importlib.util.find_spec("cli")
    assert found is None or Path(str(found.origin)).is_relative_to(ROOT)  # only as the folder one stands in
