"""What a frame lacks is listed as long as it lacks something."""

import logging

import pytest

from xrmri.building.lacking import LACKING, lacking, note_lacking
from xrmri.errors import InconsistentError


def test_what_is_lacking_is_told_kept_and_gone_once_nothing_is(tmp_path, caplog):
    assert lacking(tmp_path) == ()
    with caplog.at_level(logging.WARNING):
        note_lacking(tmp_path, ("oai/1", "oai/2"))
    (told,) = caplog.messages
    assert told.startswith("the frame lacks 2 training volumes that cannot be opened, the first oai/1: run the same")
    assert lacking(tmp_path) == ("oai/1", "oai/2")
    caplog.clear()
    for _ in range(2):
        note_lacking(tmp_path, ())
        assert lacking(tmp_path) == () and not [*tmp_path.iterdir()] and not caplog.messages


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"unopened": "oai"}', '{"unopened": [3]}'])
def test_a_list_that_is_none_is_told(tmp_path, text):
    (tmp_path / LACKING).write_text(text)
    with pytest.raises(InconsistentError, match="remove the folder and build the dataset again"):
        lacking(tmp_path)
