"""Who may import what: arrows point from commands to stages to parts to records, and heavy libraries have one home."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PARTS = [
    "data",
    "models",
    "diffusion",
    "training",
    "metrics",
    "report",
    "phantom",
    "detector",
    "generation",
    "evaluation",
]
# A part may use these other parts and no more.
ALLOWED = {
    "data": set(),
    "models": {"data", "diffusion"},
    "diffusion": set(),
    "training": set(),
    "metrics": set(),
    "report": {"metrics"},
    "phantom": {"data"},
    "detector": {"data", "phantom"},
    "evaluation": {"data", "metrics", "models"},
    "generation": {"data", "diffusion", "models", "report", "detector", "metrics"},
}
HOMES = {
    "ultralytics": ["xrmri/detector/"],
    "open_clip": ["xrmri/models/radiograph_encoder.py"],
    "diffusers": ["xrmri/models/"],
    "accelerate": ["xrmri/training/", "xrmri/stages/train_"],
    "matplotlib": ["xrmri/report/"],
    "SimpleITK": ["xrmri/data/"],
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


@pytest.mark.parametrize("part", PARTS)
def test_a_part_imports_only_the_parts_it_may_and_never_a_stage_or_a_command(part):
    for source in sources():
        if source.startswith(f"xrmri/{part}/"):
            used = {
                name.split(".")[1] for name in imports(source) if name.startswith("xrmri.") and name.count(".") >= 1
            }
            assert used & {*PARTS, "stages", "cli"} - {part} <= ALLOWED[part], source


def test_no_file_is_longer_than_300_lines_and_none_is_called_utils():
    for source in sources():
        lines = len((ROOT / source).read_text(encoding="utf-8").splitlines())
        assert lines <= 300 or source == "xrmri/config.py", source
        assert Path(source).stem not in {"utils", "helpers", "common", "misc"}, source


def test_commands_import_only_the_command_line_libraries_and_the_settings_at_the_top():
    light = {"xrmri", "xrmri.config", "xrmri.presets", "xrmri.errors"}
    for source in sources():
        if source.startswith("cli/"):
            tree = ast.parse((ROOT / source).read_text(encoding="utf-8"))
            absolute = {n.module for n in tree.body if isinstance(n, ast.ImportFrom) and n.level == 0}
            assert {module for module in absolute if module.startswith("xrmri")} <= light, source
