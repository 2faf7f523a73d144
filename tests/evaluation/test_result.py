"""summary.json is written and read in one place, and what is no such document is one line."""

import json
from dataclasses import replace

import pytest

from xrmri.errors import InconsistentError, InputError
from xrmri.evaluation.result import Summary, read_summary, write_summary

SCORES = {"median": 1.5, "quartiles": (1.0, 2.0), "interval": (1.25, 1.75), "participants": 7, "volumes": 8}
SUMMARY = Summary(
    metrics={"psnr": {"title": "PSNR", "unit": "dB", "meaning": "likeness", "data_range": 1}},
    intensities="to [0, 1]",
    aggregation="mean over slices",
    settings={"bootstrap": 1000, "seed": 0},
    generated_with={"config": {"samples": 1}, "model": "ldm", "told": None},
    dataset={"folder": "dataset", "pairs": 8, "training_pairs": 3},
    versions={"xrmri": "0.1.0"},
    run_names=("volumes",),
    runs=(),
    audit={"memorisation": None, "other_patients": None, "diversity": None},
    flips=None,
    samples=None,
    set_distances=None,
    scores={"psnr": {"generated": SCORES, "vae_ceiling": None}},
    adjacent_correlation_own=None,
    continuity={"generated": SCORES | {"slices": 20}},
    differences={"psnr": {"mean_volume": SCORES | {"effect": 0.5, "share_above": 1.0, "p": 0.01, "verdict": "better"}}},
    by_kl={"psnr": {"2": SCORES}},
    by_kl_sources={"psnr": {"generated": {"2": 1.5}}},
    recognition=None,
    identification=None,
    identification_accuracy=None,
    fidelity={"whole": {"sources": {}, "ceiling": None, "share_of_ceiling": None, "shares": {}}},
    agreement={},
    share_of_ceiling={},
    skipped_baselines={"rescan": "none was given"},
    rejected=({"pair_id": "a", "file": "a.nii.gz", "reason": "cut off"},),
    counts={"pairs": 8, "volumes": 7, "rejected": 1, "participants": 7, "slices": 140, "slices_without_joint": 0},
    verdicts=("Nothing can be told.",),
)


def test_what_was_written_is_read_and_scores_stand_under_the_name_of_their_metric(tmp_path):
    write_summary(tmp_path, SUMMARY)
    content = json.loads((tmp_path / "summary.json").read_bytes())
    assert content["schema"] == 3 and "scores" not in content
    assert content["psnr"]["generated"]["median"] == 1.5 and content["psnr"]["vae_ceiling"] is None
    assert read_summary(tmp_path) == SUMMARY
    assert SUMMARY.whole["ceiling"] is None and replace(SUMMARY, fidelity=None).whole is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"schema": 2}, "has schema 2, not 3: evaluate again"),
        ({"counts": {"pairs": 8}}, " is missing: evaluate again"),
        ({"counts": [8]}, "counts must be an object, not [8]: evaluate again"),
        ({"psnr": {"generated": {"median": "high"}}}, "scores.psnr.generated"),
        ({"audit": None}, "audit must be an object, not null: evaluate again"),
        ({"rejected": [{"pair_id": 3, "file": "a", "reason": "b"}]}, "rejected[0].pair_id must be a text, not 3"),
        ({"verdicts": "good"}, 'verdicts must be a list, not "good"'),
        ({"metrics": []}, "metrics must be an object, not []"),
    ],
)
def test_a_summary_that_was_edited_is_refused_in_one_line_that_names_the_place(tmp_path, change, words):
    write_summary(tmp_path, SUMMARY)
    file = tmp_path / "summary.json"
    file.write_text(json.dumps(json.loads(file.read_bytes()) | change))
    with pytest.raises(InconsistentError) as refused:
        read_summary(tmp_path)
    assert words in str(refused.value) and str(file) in str(refused.value) and "\n" not in str(refused.value)


def test_no_summary_is_no_evaluation(tmp_path):
    with pytest.raises(InputError, match="summary.json cannot be read"):
        read_summary(tmp_path)
