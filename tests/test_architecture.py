"""Who may import what: arrows point from commands to stages to parts to records, and heavy libraries have one home."""

import ast
from collections import Counter
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# A package may use these others and no more; every package of xrmri/ is here but the commands, which may use all.
ALLOWED = {
    "storage": set(),
    "machine": set(),
    "diffusion": set(),
    "metrics": set(),
    "pretrained": set(),
    "samples": set(),
    "phantom": {"storage"},
    "config": {"phantom", "storage"},
    "runs": {"config", "machine", "storage"},
    "facts": {"runs", "storage"},
    "formats": {"machine", "storage"},
    "data": {"config", "facts", "formats", "runs", "storage"},
    "cohorts": {"data", "formats", "runs", "storage"},
    "training": {"config", "machine", "runs", "storage"},
    "models": {"diffusion", "facts", "runs", "storage"},
    "report": {"evaluation", "metrics", "storage"},
    "likeness": {"config", "machine", "phantom", "report", "storage"},
    "detector": {"data", "machine", "pretrained", "storage"},
    "teaching": {"config", "data", "detector", "phantom", "runs", "storage"},
    "building": {"cohorts", "config", "data", "detector", "facts", "formats", "machine", "report", "runs", "storage"},
    "evaluation": {
        "config", "data", "facts", "formats", "machine", "metrics", "models", "pretrained", "runs", "storage"
    },  # fmt: skip
    "generation": {
        "cohorts", "config", "data", "detector", "diffusion", "facts", "formats", "machine", "models", "pretrained",
        "report", "runs", "storage"
    },  # fmt: skip
    "making": {
        "building", "cohorts", "config", "data", "diffusion", "facts", "formats", "learning", "machine", "metrics",
        "models", "phantom", "runs", "storage", "training"
    },  # fmt: skip
    "learning": {
        "cohorts", "config", "data", "diffusion", "facts", "generation", "machine", "metrics", "models", "runs",
        "storage", "training"
    },  # fmt: skip
}
HOMES = {
    "ultralytics": ["xrmri/detector/"],
    "open_clip": ["xrmri/models/from_open_clip.py"],
    "diffusers": ["xrmri/models/from_diffusers.py"],
    "accelerate": ["xrmri/training/", "xrmri/stages/train_"],
    "matplotlib": ["xrmri/report/"],
    "SimpleITK": ["xrmri/formats/", "xrmri/data/"],
    "h5py": ["xrmri/formats/hdf5.py"],
    "imagecodecs": ["xrmri/formats/compressed.py", "xrmri/formats/pillow_picture.py"],
    "tifffile": ["xrmri/formats/tiff.py"],
    "rich": ["cli/"],
    "typer": ["cli/"],
}


def sources() -> list[str]:
    return sorted(str(f.relative_to(ROOT)) for top in ("cli", "xrmri") for f in (ROOT / top).rglob("*.py"))


def imports(source: str) -> set[str]:
    """Full names of everything a file imports, at any depth."""
    found = set()
    for node in ast.walk(ast.parse((ROOT / source).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("library", HOMES)
def test_a_heavy_library_is_imported_in_its_one_home_only(library):
    users = {s for s in sources() if any(name.split(".")[0] == library for name in imports(s))}
    strangers = {s for s in users if not s.startswith(tuple(HOMES[library]))}
    assert users and not strangers


def packages_of(names: set[str]) -> set[str]:
    """The packages of xrmri that imported names belong to."""
    return {name.split(".")[1] for name in names if name.startswith("xrmri.")} & {*ALLOWED, "stages", "cli"}


def test_every_package_is_in_the_table_of_who_may_use_whom():
    packages = {folder.parent.name for folder in (ROOT / "xrmri").glob("*/__init__.py")}
    assert packages == {*ALLOWED, "stages"}


@pytest.mark.parametrize("package", ALLOWED)
def test_a_package_imports_only_those_it_may_and_never_a_stage_or_a_command(package):
    used = set().union(*(packages_of(imports(s)) for s in sources() if s.startswith(f"xrmri/{package}/")))
    assert used - {package} == ALLOWED[package]  # what nobody uses is not allowed either


def test_no_arrow_between_packages_runs_back_up():
    floors = TopologicalSorter(ALLOWED).static_order()  # raises CycleError where there is no order
    assert len(list(floors)) == len(ALLOWED)


def test_no_class_name_stands_for_two_things():
    names = Counter(
        node.name
        for source in sources()
        for node in ast.walk(ast.parse((ROOT / source).read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
    )
    assert not [name for name, count in names.items() if count > 1]


def test_no_file_is_longer_than_300_lines_and_none_is_called_utils():
    for source in sources():
        lines = len((ROOT / source).read_text(encoding="utf-8").splitlines())
        assert lines <= 300, source
        assert Path(source).stem not in {"utils", "helpers", "common", "misc"}, source


def test_commands_import_only_the_command_line_libraries_and_the_settings_at_the_top():
    light = {"xrmri", "xrmri.config", "xrmri.config.presets", "xrmri.errors", "xrmri.machine.signals",
             "xrmri.runs.ending", "xrmri.runs.outcome", "xrmri.storage.names"}  # fmt: skip
    for source in sources():
        if source.startswith("cli/"):
            tree = ast.parse((ROOT / source).read_text(encoding="utf-8"))
            absolute = {n.module for n in tree.body if isinstance(n, ast.ImportFrom) and n.level == 0}
            assert {module for module in absolute if module.startswith("xrmri")} <= light, source


def test_no_more_than_four_arguments_go_by_position():
    """But where typer makes options of them; torch's autograd decides for itself."""
    for source in sources():
        if source.startswith("xrmri/"):
            for node in ast.walk(ast.parse((ROOT / source).read_text(encoding="utf-8"))):
                if isinstance(node, ast.FunctionDef):
                    names = [one.arg for one in node.args.posonlyargs + node.args.args]
                    names = [name for name in names if name not in ("self", "cls", "ctx")]
                    assert len(names) <= 4, f"{source}:{node.lineno} {node.name}"
