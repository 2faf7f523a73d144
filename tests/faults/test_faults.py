"""The short form of `make faults`: some mutants of every kind of file, and the page that the long form writes."""

import pytest

from tests.faults.__main__ import page
from tests.faults.contents import READERS, read_mutants
from tests.faults.world import LOST, SURVIVED, Attempt

EACH = 5


@pytest.mark.parametrize("kind", READERS)
def test_mutated_files_are_read_or_refused_in_one_line(chain, tmp_path, kind):
    told = list(read_mutants(kind, chain.root, 17, EACH, tmp_path / "mutants"))
    assert len(told) == EACH
    assert [one for one in told if one["verdict"] != SURVIVED] == []


def test_the_page_counts_what_was_tried_and_names_what_did_not_survive():
    attempts = [Attempt("kill -9", "oai", SURVIVED), Attempt("kill -9", "vae", LOST, "2 files differ")]
    text = page(attempts, {"full disks": "nobody may mount here"}, 17, 3.2)
    assert "Seed 17, 2 attempts in 3 minutes." in text
    assert "| kill -9 | 2 | 1 | 1 | 0 | 0 | 0 |" in text and "| all | 2 | 1 | 1 | 0 | 0 | 0 |" in text
    assert "- kill -9, vae: lost (2 files differ)" in text and "Not tried: full disks (nobody may mount here)." in text
