"""Films and outputs under the names that people, and other people, give them."""

import csv
import json
import os
import shutil

import pytest

from tests.faults.hdf5 import make_pipe
from tests.faults.refusal import refusal
from xrmri.pretrained import BUNDLED_DETECTOR

KNEE = BUNDLED_DETECTOR.parent.parent / "samples" / "knee.png"
NAMES = {
    "bytes that are not UTF-8": b"\xff\xfe.png",
    "255 letters": b"a" * 251 + b".png",
    "a line break": b"a\nb.png",
    "an escape sequence": b"\x1b]0;owned\x07.png",
    "a formula": b'=HYPERLINK("x").png',
    "a sum": b"-2+3.png",
    "a leading dash": b"--force.png",
    "a leading dot and dots": b"..png.png",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The sample knee under every name, and things in between that are no files."""
    folder = tmp_path_factory.mktemp("films")
    for name in NAMES.values():
        shutil.copy(os.fsencode(KNEE), os.path.join(os.fsencode(folder), name))
    make_pipe(folder / "pipe.png")
    make_pipe(folder / "pipe")
    (folder / "dangling.png").symlink_to("nowhere")
    (folder / "loop").symlink_to(folder)
    other = tmp_path_factory.mktemp("elsewhere")
    shutil.copy(KNEE, other / "linked.png")
    (folder / "elsewhere").symlink_to(other)
    return folder


def test_a_folder_of_odd_names_is_looked_at_whole(xrmri, folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ended = xrmri("detect-knee", folder, "--side", "right", "-o", tmp_path / "knees", "--workers", 2)
    assert ended.code == 0 and "Traceback" not in ended.err
    assert all(line.isprintable() for line in ended.err.splitlines())
    with (tmp_path / "knees" / "knees.csv").open(newline="", encoding="utf-8") as stream:
        found = list(csv.DictReader(stream))
    with (tmp_path / "knees" / "rejected.csv").open(newline="", encoding="utf-8") as stream:
        rejected = list(csv.DictReader(stream))
    assert len(found) == len(NAMES) + 1  # and the one below a linked folder
    assert {os.path.basename(row["source"]) for row in rejected} == {"pipe.png", "pipe", "dangling.png"}
    pictures = {file.name for file in (tmp_path / "knees").glob("*.png")}
    assert pictures == {f"{row['name']}.png" for row in found} and len(pictures) == len(found)
    for row in (*found, *rejected):
        assert all(cell.isprintable() and not cell.startswith(("=", "@", "+", "-2+")) for cell in row.values())


@pytest.mark.parametrize("kind", NAMES)
def test_a_volume_is_drawn_of_a_film_of_any_name(xrmri, folder, tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    film = os.path.join(os.fsencode(folder), NAMES[kind]).decode(errors="surrogateescape")
    ended = xrmri("generate", film, "--html", "--num-slices", 2, "--steps", 2, "--dry-run", "--json")
    assert ended.code == 0, ended.err
    volume = ended.result["output"]
    assert volume.isprintable() and len(volume) < 200 and not volume.startswith(("-", ".", "="))


def test_the_page_of_a_name_with_a_line_break_works(xrmri, folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ended = xrmri("generate", folder / "a\nb.png", "--html", "--num-slices", 2, "--steps", 2, "-o", "c\n'\".nii.gz")
    assert ended.code == 0, ended.err
    page = (tmp_path / "c\n'\".html").read_text(encoding="utf-8")
    (call,) = (line for line in page.splitlines() if "await view.loadFromArrayBuffer(" in line)
    assert json.loads(call.partition("buffer, ")[2].removesuffix(");")) == "c\\n'\".nii.gz"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a.nii.gz.nii.gz", "ends in the name of a format twice"),
        ("A.NII.GZ", "volumes are written as .nii.gz"),
        ("x.mha", "volumes are written as .nii.gz"),
        ("a" * 240 + ".nii.gz", "is too long: give a name of at most 150 letters"),
        ("\udcff.nii.gz", "has bytes that are not UTF-8: give another name"),
        ("\udcff/a.nii.gz", "has bytes that are not UTF-8: give another name"),
    ],
)
def test_an_output_that_cannot_be_is_refused_before_anything_is_drawn(xrmri, tmp_path, monkeypatch, name, said):
    monkeypatch.chdir(tmp_path)
    ended = xrmri("generate", KNEE, "-o", name)
    assert ended.code == 2 and said in refusal(ended)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["pipe.png", "dangling.png"])
def test_what_is_no_file_is_refused_and_not_waited_for(xrmri, folder, tmp_path, kind):
    for command in (("generate", folder / kind), ("detect-knee", folder / kind, "-o", tmp_path / "knees")):
        ended = xrmri(*command)
        assert ended.code == 2 and str(folder / kind) in refusal(ended)
