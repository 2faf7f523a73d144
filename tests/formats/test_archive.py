"""An archive is read like the folder it was packed from, and any damage to it is an InputError."""

import io
import tarfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.stages.other_hand import Film, Mr, bomb, film_bytes, mr_files, packed, with_link
from xrmri.cohorts.film_files import find_films
from xrmri.errors import InputError
from xrmri.formats import archive
from xrmri.formats.archive import beginning, contents

FILES = mr_files(Mr(slices=3), "9000001")


def on_disk(folder: Path, content: bytes) -> Path:
    """An archive with the name of a series."""
    file = folder / "10000001.tar.gz"
    file.write_bytes(content)
    return file


def test_an_archive_gives_the_numbered_files_and_no_others(tmp_path):
    file = on_disk(tmp_path, packed({**FILES, "readme.txt": b"x", ".DS_Store": b"x"}))
    assert dict(contents(file)) == FILES
    assert beginning(file, 200) == FILES["001"][:200]


def test_files_are_known_by_the_last_part_of_their_path(tmp_path):
    nested = {f"10/series/{name}": content for name, content in FILES.items()}
    file = on_disk(tmp_path, packed({**nested, "10/1/readme.txt": b"x"}))
    assert dict(contents(file)) == FILES


def test_a_single_file_of_the_most_bytes_is_read_and_a_longer_one_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "MOST_BYTES", 100)
    (tmp_path / "001").write_bytes(b"x" * 100)
    assert dict(contents(tmp_path / "001")) == {"001": b"x" * 100}
    (tmp_path / "001").write_bytes(b"x" * 101)
    with pytest.raises(InputError, match="file too large: 001 has more than 0 MiB"):
        dict(contents(tmp_path / "001"))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (packed(FILES)[:-2000], "truncated archive"),
        (packed(FILES, prefix="../"), "hostile archive"),
        (packed(FILES, prefix="/tmp/"), "hostile archive"),
        (packed(FILES, prefix="a/../../"), "hostile archive"),
        (packed(FILES, prefix="c:\\"), "hostile archive"),
        (with_link(FILES), "hostile archive"),
        (bomb(), "hostile archive"),
        (b"", "damaged archive"),
        (b"no archive at all" * 100, "damaged archive"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "refused download"),
        (b'\xef\xbb\xbf {"message": "Forbidden"}', "refused download"),
        (packed(FILES)[:-8] + bytes(8), "damaged archive"),
    ],
)
def test_a_bad_archive_is_refused_by_its_kind_in_one_line(tmp_path, content, said):
    with pytest.raises(InputError) as refusal:
        list(contents(on_disk(tmp_path, content)))
    assert str(refusal.value).startswith(f"{said}: 10000001.tar.gz") and "\n" not in str(refusal.value)
    assert [file.name for file in tmp_path.iterdir()] == ["10000001.tar.gz"]


def with_hole(files: dict[str, bytes]) -> bytes:
    """An archive with a member of three bytes, and 400 MB of zeros that are nowhere behind them."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = 3
            member.pax_headers = {"GNU.sparse.map": "0,3", "GNU.sparse.size": "400000000"}
            archive.addfile(member, io.BytesIO(content[:3]))
    return stream.getvalue()


def test_a_member_with_a_hole_is_refused_for_its_zeros_are_in_no_archive(tmp_path):
    with pytest.raises(InputError, match=r"hostile archive: 10000001.tar.gz has the member 001"):
        list(contents(on_disk(tmp_path, with_hole(FILES))))


def test_an_archive_of_more_members_than_any_series_has_is_refused(tmp_path, monkeypatch):
    assert archive._MOST_MEMBERS == 10_000
    monkeypatch.setattr(archive, "_MOST_MEMBERS", 3)
    assert len(list(contents(on_disk(tmp_path, packed(FILES))))) == 3
    with pytest.raises(InputError, match=r"hostile archive: 10000001.tar.gz has more than 3 members"):
        list(contents(on_disk(tmp_path, packed({**FILES, "readme.txt": b"x"}))))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_damage_is_an_input_error_or_none(tmp_path, data):
    content = bytearray(packed(FILES))
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=5)):
        content[place] = data.draw(st.integers(0, 255))
    try:
        list(contents(on_disk(tmp_path, bytes(content))))
    except InputError as error:
        assert "archive: 10000001.tar.gz" in str(error)


def test_films_are_found_in_the_archives_of_a_package(tmp_path):
    for number, description in ((1, "Bilateral PA Fixed Flexion Knee"), (2, "PA Fixed Flexion Left Knee")):
        file = tmp_path / "image03" / "00m" / "0.C.2" / "9000001" / "20040101" / f"0000000{number}.tar.gz"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(packed({"001": film_bytes(Film(description=description), "9000001")}))
    found = find_films([tmp_path])
    assert [(film.file.name, film.knees, film.side) for film in found] == [
        ("00000001.tar.gz", 2, None),
        ("00000002.tar.gz", 1, "left"),
    ]
