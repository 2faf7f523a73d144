"""A JSON document gives a complete, typed record, or one line that names the file, what is wrong and what to do."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
import pytest

from xrmri.errors import InconsistentError, InputError
from xrmri.storage.documents import parse_json, read_document, read_json
from xrmri.storage.typed import Between, content_of, is_number


@dataclass(frozen=True, kw_only=True, slots=True)
class _Inner:
    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class _Made:
    size: Annotated[int, Between(1, 4096)]
    window: tuple[float, float]
    plane: Literal["coronal", "axial"] = "coronal"
    inner: _Inner | None = None
    counts: Mapping[str, int] | None = None
    names: tuple[str, ...] = ()
    config: Any = None


def _write(folder, text: str | bytes):
    file = folder / "made.json"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def test_what_was_written_is_read_as_it_was_and_what_is_unknown_is_left_out(tmp_path):
    made = _Made(
        size=3, window=(0.0, 1.5), inner=_Inner(name="a"), counts={"x": 2}, names=("p", "q"), config={"k": None}
    )
    content = content_of(made)
    assert content == {"size": 3, "window": [0.0, 1.5], "plane": "coronal", "inner": {"name": "a"}, "counts": {"x": 2},
                       "names": ["p", "q"], "config": {"k": None}}  # fmt: skip
    file = _write(tmp_path, json.dumps(content | {"from a later version": 1}))
    assert read_document(file, _Made, advice="make it again") == made


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty: make it again"),
        ("{", "is not JSON (Expecting property name"),
        (b"\xff\xfe{", "is not a text file: make it again"),
        ("[1]", "holds [1], not a JSON object: make it again"),
        ('{"size": 1, "size": 2}', "gives 'size' twice: make it again"),
        ('{"a": ' + "[" * 40 + "]" * 40 + "}", "is nested more than 32 deep: make it again"),
        ('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}", "is nested more than 32 deep: make it again"),
        ('{"names": ["a\\u0000b"]}', 'holds "a\\u0000b", which is no text: make it again'),
        ('{"names": {"\\ud800": 1}}', 'holds "\\ud800", which is no text: make it again'),
        ('{"window": [0, 1]}', ": size is missing: make it again"),
        ('{"size": "3", "window": [0, 1]}', ': size must be a whole number, not "3": make it again'),
        ('{"size": 1' + "0" * 400 + ', "window": [0, 1]}', ": size must be a whole number, not 1000"),
        ('{"size": 9223372036854775808, "window": [0, 1]}', ": size must be a whole number, not 9223372036854775808"),
        ('{"size": 1, "window": [0, 1' + "0" * 400 + "]}", ": window[1] must be a number, not 1000"),
        ('{"size": 1, "window": [-1e999, 1]}', ": window[0] must be a number, not -Infinity"),
        ('{"size": true, "window": [0, 1]}', ": size must be a whole number, not true"),
        ('{"size": 0, "window": [0, 1]}', ": size must be 1 to 4096, not 0"),
        ('{"size": 3, "window": [0]}', ": window must hold 2 values, not 1"),
        ('{"size": 3, "window": [0, NaN]}', ": window[1] must be a number, not NaN"),
        ('{"size": 3, "window": 5}', ": window must be a list, not 5"),
        ('{"size": 3, "window": [0, 1], "plane": "oblique"}', ': plane must be one of coronal, axial, not "oblique"'),
        ('{"size": 3, "window": [0, 1], "inner": {}}', ": inner.name is missing"),
        ('{"size": 3, "window": [0, 1], "inner": 7}', ": inner must be an object or null, not 7"),
        ('{"size": 3, "window": [0, 1], "counts": {"x": "2"}}', ': counts.x must be a whole number, not "2"'),
        ('{"size": 3, "window": [0, 1], "names": ["p", 2]}', ": names[1] must be a text, not 2"),
    ],
)
def test_what_is_unfit_is_told_in_one_line_with_file_and_remedy(tmp_path, text, words):
    file = _write(tmp_path, text)
    with pytest.raises(InconsistentError) as told:
        read_document(file, _Made, advice="make it again", damaged=InconsistentError)
    assert str(file) in str(told.value) and words in str(told.value) and "\n" not in str(told.value)


def test_a_number_is_what_a_machine_can_hold():
    assert is_number(2**63 - 1, int) and is_number(1 - 2**63, int) and not is_number(2**63, int)
    assert is_number(sys.float_info.max, float) and not is_number(2**1024, float) and not is_number(np.inf, float)
    assert not is_number(True, int) and not is_number(1.0, int) and is_number(1, float)


def test_a_long_file_is_refused_before_it_is_read_whole_and_a_missing_one_named_as_the_person_did(tmp_path):
    file = _write(tmp_path, '{"a": "' + "x" * 2**20 + '"}')
    with pytest.raises(InputError, match="is longer than 1 MiB, no such document is: give another"):
        read_json(file, advice="give another", largest_bytes=2**20)
    length = file.stat().st_size
    assert read_json(file, advice="", largest_bytes=length)["a"] == "x" * 2**20
    with pytest.raises(InputError, match="is longer than 1 MiB"):
        read_json(file, advice="give another", largest_bytes=length - 1)
    with pytest.raises(
        InputError, match=r"^--features kl.json cannot be read \(No such file or directory\): write it$"
    ):
        read_json(tmp_path / "kl.json", called="--features kl.json", advice="write it")


def test_a_name_that_is_not_utf_8_is_a_text_and_an_escape_that_is_written_out_is_none():
    assert parse_json(json.dumps(["\udcff", "\U0001f9b4", "\\u0000"])) == ["\udcff", "\U0001f9b4", "\\u0000"]


def test_a_text_may_begin_with_a_byte_order_mark_and_be_nested_as_deep_as_is_allowed():
    assert parse_json(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}
    assert parse_json("[" * 33 + "]" * 33)
