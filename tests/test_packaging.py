"""What an installation holds: one package, no module called cli beside it, and all that `generate` needs."""

import importlib.util
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel_file(tmp_path_factory) -> Path:
    """The wheel, built."""
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
    return next(folder.glob("xrmri-*.whl"))


@pytest.fixture(scope="module")
def wheel(wheel_file) -> list[str]:
    """The names in the wheel."""
    return zipfile.ZipFile(wheel_file).namelist()


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


def test_an_installed_wheel_runs_its_commands_from_its_own_files_in_any_folder(wheel_file, tmp_path):
    options = ["--no-deps", "--no-index", "--quiet", "--target", str(tmp_path / "site")]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, str(wheel_file)], check=True)
    assert sorted(f.name for f in (tmp_path / "site").iterdir() if f.suffix != ".dist-info") == ["bin", "xrmri"]
    (tmp_path / "anywhere").mkdir()
    # Without site initialisation the editable installation of these tests cannot step in.
    program = (
        "import site, sys; sys.path[:0] = [sys.argv.pop(1)]; site.main()\n"
        "sys.meta_path = [f for f in sys.meta_path if 'ditable' not in str(f)]\n"
        "import xrmri.cli.main as main; print(main.__file__); main.main()"
    )
    start = [sys.executable, "-S", "-c", program, str(tmp_path / "site"), "--version"]
    said = subprocess.run(start, cwd=tmp_path / "anywhere", capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr
    place, version = said.stdout.splitlines()
    assert Path(place).is_relative_to(tmp_path / "site") and version.startswith("xrmri ")
