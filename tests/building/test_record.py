"""What lies beside a shard is read as it was written, of earlier versions too, and reasons are never taken apart."""

import json

import pytest

from xrmri.building.record import (
    LeftOutSeries,
    PairOfSeries,
    PairRecord,
    ShardRecord,
    read_shard_record,
    write_shard_record,
)
from xrmri.building.search import count, left_out
from xrmri.config import BuildDataset
from xrmri.errors import InconsistentError, Reason, UnusableError, reason_of

PAIR = PairRecord(
    pair_id="9000001_00m_right", participant="9000001", visit="00m", side="right", flash="a/1", film="a/2",
    shard="x.h5", row=0, radiograph_mm=91.5, extent_mm=(73.5, 160.0, 160.0), source_mri_sha256="m",
    source_radiograph_sha256="r",
)  # fmt: skip
TOLD = Reason("knee not found", "none is surely the right one (score 0.1; another score)")


def without(*reasons, series="b/1", kind="FLASH"):
    return LeftOutSeries(participant="9000002", visit="00m", side="both", series=series, kind=kind, reasons=reasons)


def record(**changed):
    given = {
        "config": BuildDataset().to_dict(), "inputs": {"release": "1"}, "origin": "acquired images",
        "is_synthetic": False, "found": {"FLASH": 2}, "pairs": (PAIR,), "rejected": (without(TOLD),),
        "not_read": {"V00XRKL": 1}, "sha256": "s",
    }  # fmt: skip
    return ShardRecord(**given | changed)


def test_a_record_comes_back_as_it_was_written_and_knows_its_settings(tmp_path):
    write_shard_record(tmp_path / "x.json", record())
    found = read_shard_record(tmp_path / "x.json")
    assert found == record() and found.is_of(BuildDataset(), {"release": "1"})
    assert not found.is_of(BuildDataset(size=128), {"release": "1"}) and not found.is_of(BuildDataset(), {})


def test_a_record_of_the_first_version_is_read_as_if_it_were_of_this_one(tmp_path):
    write_shard_record(tmp_path / "x.json", record())
    content = json.loads((tmp_path / "x.json").read_bytes())
    for name in ("plane", "series", "field_of_view_mm"):
        del content["config"][name]
    del content["seal"], content["is_synthetic"], content["pairs"][0]["extent_mm"], content["rejected"][0]["reasons"]
    content["rejected"][0]["reason"] = str(TOLD)
    (tmp_path / "x.json").write_text(json.dumps(content | {"origin": "synthetic phantom"}))
    found = read_shard_record(tmp_path / "x.json")
    assert found.is_of(BuildDataset(), {"release": "1"}) and found.is_synthetic
    assert found.pairs == (PAIR,) and found.rejected == (without(TOLD),)


@pytest.mark.parametrize("odd", [{"file": "/etc/hostname"}, {"preset": 5}, {"shards": "4"}, {"unheard_of": 1}])
def test_settings_that_build_dataset_does_not_have_are_refused_where_a_record_is_read(tmp_path, odd):
    write_shard_record(tmp_path / "x.json", record())
    content = json.loads((tmp_path / "x.json").read_bytes())
    (tmp_path / "x.json").write_text(json.dumps(content | {"config": content["config"] | odd}))
    name = next(iter(odd))
    with pytest.raises(InconsistentError, match=f"x.json is not as xrmri writes it .*{name}.*: remove it and build"):
        read_shard_record(tmp_path / "x.json")


def test_what_could_not_be_opened_is_known_by_where_the_release_lies():
    lost = LeftOutSeries(participant="9000002", visit="00m", side="both", series="b/1", kind="FLASH", reasons=(TOLD,),
                         passing=True)  # fmt: skip
    assert record(rejected=(lost, without(TOLD)), root="/data/oai").unopened == ("/data/oai/b/1",)
    assert record().unopened == ()


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"is_synthetic": true, "pairs": 3}'])
def test_a_damaged_record_is_told_in_one_line(tmp_path, text):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(InconsistentError, match="remove it and build the shard again") as told:
        read_shard_record(tmp_path / "x.json")
    assert str(tmp_path / "x.json") in str(told.value) and "\n" not in str(told.value)


def test_a_series_left_out_for_two_reasons_is_one_row_and_counts_as_the_first():
    other = Reason("slice count", "3 of one plane, not 80")
    left = left_out([PairOfSeries(flash="a/1", film="a/2")], [without(other), without(TOLD), without(TOLD)])
    assert left == [without(TOLD, other)] and left[0].reason == f"{TOLD}; {other}"
    counts = count({"FLASH": 2, "radiograph": 1, "other": 0}, [PAIR], left)
    assert counts["reasons"] == {"knee not found": 1} and counts["rejected_flash"] == 1


def test_a_series_that_is_in_a_pair_is_not_left_out():
    assert left_out([PAIR], [without(TOLD, series="a/2")]) == []


def test_an_error_carries_its_reason_and_any_other_is_one_by_itself():
    error = UnusableError("slice count", "3 of one plane, not 80")
    assert str(error) == "slice count: 3 of one plane, not 80" == str(reason_of(error))
    assert reason_of(error) == Reason("slice count", "3 of one plane, not 80")
    assert reason_of(InconsistentError("a: b; c")) == Reason("a: b; c")
