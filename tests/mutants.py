"""`make mutants`: how many small faults put into the arithmetic the tests of a module notice.

    python -m tests.mutants [--seed N] [--each N] [--only WORD]

A mutant has one operator, comparison, condition or number changed. What survives is either no fault, or wants a test.
"""

import argparse
import ast
import os
import random
import signal
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import pytest
import torch

ROOT = Path(__file__).parents[1]
TESTS: dict[str, tuple[str, ...]] = {
    "xrmri/geometry.py": ("tests/test_geometry.py",),
    "xrmri/storage/tables.py": ("tests/storage/test_tables.py", "tests/data/test_knees.py"),
    "xrmri/storage/typed.py": ("tests/storage/test_documents.py",),
    "xrmri/storage/documents.py": ("tests/storage/test_documents.py",),
    "xrmri/building/lacking.py": ("tests/building/test_lacking_list.py",),
    "xrmri/formats/archive.py": ("tests/formats/test_archive.py",),
    "xrmri/formats/compressed.py": ("tests/formats/test_encodings.py", "tests/formats/test_dicom.py"),
    "xrmri/data/covariates.py": ("tests/data/test_covariates.py",),
    "xrmri/formats/dicom.py": ("tests/formats/test_dicom.py", "tests/data/test_radiograph.py"),
    "xrmri/data/features.py": ("tests/data/test_features.py",),
    "xrmri/cohorts/film_files.py": ("tests/cohorts/test_film_files.py",),
    "xrmri/formats/grey.py": ("tests/formats/test_encodings.py", "tests/formats/test_grey.py"),
    "xrmri/formats/hdf5.py": ("tests/formats/test_hdf5.py",),
    "xrmri/data/knees.py": ("tests/data/test_knees.py", "tests/intake/test_knees_folders.py"),
    "xrmri/formats/nifti.py": ("tests/formats/test_nifti.py", "tests/data/test_reference.py"),
    "xrmri/formats/nifti_header.py": ("tests/formats/test_nifti.py", "tests/formats/test_nifti_header.py"),
    "xrmri/cohorts/pairing.py": ("tests/cohorts/test_pairing.py",),
    "xrmri/formats/pillow_picture.py": ("tests/formats/test_encodings.py", "tests/formats/test_whole_pictures.py"),
    "xrmri/formats/plain_dicom.py": ("tests/formats/test_dicom.py", "tests/formats/test_plain_dicom.py"),
    "xrmri/data/radiograph.py": ("tests/data/test_radiograph.py",),
    "xrmri/cohorts/readings.py": ("tests/cohorts/test_readings.py", "tests/cohorts/test_pairing.py"),
    "xrmri/cohorts/release.py": (
        "tests/cohorts/test_release.py",
        "tests/formats/test_archive.py",
        "tests/cohorts/test_pairing.py",
    ),
    "xrmri/data/resample.py": ("tests/data/test_resample.py",),
    "xrmri/formats/samples.py": ("tests/formats/test_encodings.py", "tests/formats/test_tiff.py"),
    "xrmri/formats/stack.py": ("tests/data/test_volume.py", "tests/stages/test_strange_geometry.py"),
    "xrmri/data/store.py": ("tests/data/test_store.py",),
    "xrmri/formats/text_table.py": ("tests/formats/test_text_table.py",),
    "xrmri/formats/tiff.py": ("tests/formats/test_encodings.py", "tests/formats/test_tiff.py"),
    "xrmri/data/volume.py": ("tests/data/test_volume.py",),
    "xrmri/diffusion/ddim.py": ("tests/diffusion/test_samplers.py",),
    "xrmri/diffusion/depth_noise.py": ("tests/diffusion/test_depth_noise.py",),
    "xrmri/diffusion/dpm.py": ("tests/diffusion/test_samplers.py",),
    "xrmri/diffusion/fitted.py": ("tests/diffusion/test_fitted.py",),
    "xrmri/diffusion/loss.py": ("tests/diffusion/test_schedule.py",),
    "xrmri/diffusion/schedule.py": ("tests/diffusion/test_schedule.py", "tests/diffusion/test_samplers.py"),
    "xrmri/metrics/anatomy.py": ("tests/metrics/test_anatomy.py",),
    "xrmri/metrics/blur.py": ("tests/metrics/test_deviation.py", "tests/metrics/test_edges_of_figures.py"),
    "xrmri/metrics/continuity.py": ("tests/metrics/test_measure.py",),
    "xrmri/metrics/depth.py": ("tests/metrics/test_difference.py", "tests/metrics/test_edges_of_figures.py"),
    "xrmri/metrics/detail.py": ("tests/metrics/test_detail.py",),
    "xrmri/metrics/deviation.py": ("tests/metrics/test_deviation.py", "tests/metrics/test_edges_of_figures.py"),
    "xrmri/metrics/difference.py": ("tests/metrics/test_difference.py", "tests/metrics/test_edges_of_figures.py"),
    "xrmri/metrics/edges.py": ("tests/metrics/test_edges.py", "tests/metrics/test_region.py"),
    "xrmri/metrics/frechet.py": ("tests/metrics/test_difference.py",),
    "xrmri/metrics/identification.py": ("tests/metrics/test_deviation.py", "tests/metrics/test_edges_of_figures.py"),
    "xrmri/metrics/image.py": ("tests/metrics/test_image.py",),
    "xrmri/metrics/information.py": ("tests/metrics/test_deviation.py", "tests/metrics/test_edges_of_figures.py"),
    "xrmri/metrics/interval.py": ("tests/metrics/test_measure.py", "tests/metrics/test_edges_of_figures.py"),
    "xrmri/metrics/joint_box.py": ("tests/metrics/test_deviation.py", "tests/metrics/test_edges_of_figures.py"),
    "xrmri/metrics/measure.py": ("tests/metrics/test_measure.py",),
    "xrmri/metrics/metric.py": ("tests/metrics/test_measure.py",),
    "xrmri/metrics/region.py": ("tests/metrics/test_region.py",),
    "xrmri/metrics/window.py": ("tests/metrics/test_image.py",),
}
"""Module -> the tests that are to notice its mutants."""
HEAVY = ("numpy", "pandas", "h5py", "pydicom", "SimpleITK", "nibabel", "scipy.ndimage", "scipy.stats",
         "skimage.feature", "skimage.metrics", "skimage.filters", "PIL.Image", "typer", "xrmri.models.from_open_clip",
         "diffusers.schedulers")  # fmt: skip
"""Imported once, before any mutant is; xrmri.models.from_open_clip lets diffusers import on any machine."""
LIMIT_S, LIMIT_TIMES = 10, 4
"""Seconds of the processor, and how many times what the tests take as the module stands, after which a mutant counts as
noticed: it never ends."""
SWAPPED: dict[type[ast.AST], type[ast.AST]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult,
    ast.Pow: ast.Mult, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.And: ast.Or,
    ast.Or: ast.And, ast.USub: ast.UAdd,
}  # fmt: skip


class _Mutated(MetaPathFinder, Loader):
    """Lets one module be imported as changed code."""

    def __init__(self, name: str, tree: ast.Module, file: Path) -> None:
        self.name, self.code, self.file = name, compile(tree, file, "exec"), file

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        return ModuleSpec(name, self, origin=str(self.file)) if name == self.name else None

    def exec_module(self, module: ModuleType) -> None:
        module.__file__ = str(self.file)
        exec(self.code, module.__dict__)


def places(node: ast.AST) -> Iterator[ast.AST]:
    """What can be changed in a piece of code: not its texts, hints, decorators, imports and zip's strict."""
    if isinstance(node, ast.operator | ast.cmpop | ast.boolop | ast.unaryop) and type(node) in SWAPPED:
        yield node
    if isinstance(node, ast.If | ast.IfExp) or (isinstance(node, ast.Constant) and isinstance(node.value, int | float)):
        yield node
    skipped = {"annotation", "returns", "decorator_list", "type_params"}
    if isinstance(node, ast.JoinedStr | ast.Import | ast.ImportFrom) or getattr(node, "arg", "") == "strict":
        return
    for name, value in ast.iter_fields(node):
        for inner in value if isinstance(value, list) else [value]:
            if name not in skipped and isinstance(inner, ast.AST):
                yield from places(inner)


def mutant(source: str, number: int) -> tuple[ast.Module, str]:
    """The code with its number-th place changed, and what was done where."""
    tree = ast.parse(source)
    place = list(places(tree))[number]
    for parent in ast.walk(tree):
        for name, value in ast.iter_fields(parent):
            if value is place or (isinstance(value, list) and any(one is place for one in value)):
                new = _changed(place)
                several = isinstance(value, list)
                setattr(parent, name, [new if one is place else one for one in value] if several else new)
                line, before = getattr(parent, "lineno", getattr(place, "lineno", 0)), source.splitlines()
                return ast.fix_missing_locations(tree), f"line {line}, {_told(place)}: {before[line - 1].strip()[:80]}"
    raise AssertionError(number)


def _changed(place: ast.AST) -> ast.AST:
    if isinstance(place, ast.If | ast.IfExp):
        place.test = ast.UnaryOp(ast.Not(), place.test)
        return place
    if isinstance(place, ast.Constant):
        value = not place.value if isinstance(place.value, bool) else place.value + 1  # type: ignore[operator]
        return ast.copy_location(ast.Constant(value), place)
    return SWAPPED[type(place)]()


def _told(place: ast.AST) -> str:
    return f"{place.value} changed" if isinstance(place, ast.Constant) else f"{type(place).__name__} turned"


def is_noticed(file: str, tree: ast.Module, limit_s: float = 0) -> bool:
    """Whether a test fails, or never ends, in a process where the module is the mutant; 0 waits without a limit."""
    pid = os.fork()
    if pid == 0:
        signal.setitimer(signal.ITIMER_PROF, limit_s)  # of the processor: others may use it too
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1), os.dup2(quiet, 2)
        sys.meta_path.insert(0, _Mutated(file.removesuffix(".py").replace("/", "."), tree, ROOT / file))
        os._exit(int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", *TESTS[file]])))
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) != 0


def main() -> int:
    """The command line; ends with 1 where fewer than 85 % of a module's mutants are noticed."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__.partition("\n")[0])
    parser.add_argument("--seed", type=int, default=17)
    parser.add_argument("--each", type=int, default=40, help="mutants of each module")
    parser.add_argument("--only", default="", help="modules with this in their name")
    given = parser.parse_args()
    torch.set_num_threads(1)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # loading them takes longer than most tests
    for name in HEAVY:
        import_module(name)
    worst = 1.0
    for file in (file for file in TESTS if given.only in file):
        source = (ROOT / file).read_text(encoding="utf-8")
        before = os.times()
        if is_noticed(file, ast.parse(source)):
            raise SystemExit(f"the tests of {file} fail as it stands")
        used_s = os.times().children_user - before.children_user + os.times().children_system - before.children_system
        limit_s = LIMIT_S + LIMIT_TIMES * used_s
        numbers = range(len(list(places(ast.parse(source)))))
        chosen = sorted(random.Random(given.seed).sample(numbers, min(given.each, len(numbers))))
        mutants = [mutant(source, number) for number in chosen]
        survived = [told for tree, told in mutants if not is_noticed(file, tree, limit_s)]
        worst = min(worst, 1 - len(survived) / len(mutants))
        print(f"{file}: {len(mutants) - len(survived)} of {len(mutants)} noticed, of {len(numbers)} that there are")
        print(*(f"  survived: {told}" for told in survived), sep="\n", end="\n" if survived else "", flush=True)
    return int(worst < 0.85)


if __name__ == "__main__":
    sys.exit(main())
