"""The same seed and release give the same bytes: those that were written down."""

import json

import pytest

from tests.phantom.golden import FILE, measured


def test_a_release_is_the_one_written_down() -> None:
    written, now = json.loads(FILE.read_text(encoding="utf-8")), measured()
    renew = "what is drawn has changed: if on purpose, `make golden`, and say so in CHANGELOG.md"
    assert now["release"] == written["release"] and now["tables"] == written["tables"], renew
    for name, values in written["brightness"].items():  # the same on every machine, to a hundredth of a grey level
        assert now["brightness"][name] == pytest.approx(values, abs=0.05), renew
    if now["machine"] == written["machine"]:
        assert now["files"] == written["files"], renew
