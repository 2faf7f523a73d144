"""The evaluation of a small made-up cohort: honest about cheats, unmoved by bad volumes, the same twice."""

import html
import json
import re
from dataclasses import replace

import nibabel
import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.ndimage import gaussian_filter

from tests.made_facts import MODEL_FACTS
from tests.stages.made_cohort import (
    SIZE,
    SLICES,
    TEST,
    TRAIN,
    anatomy,
    blurred,
    generate,
    pair_id,
    write_cohort,
)
from xrmri.config import Evaluate, Execution
from xrmri.data.store import open_dataset
from xrmri.errors import InconsistentError, InputError
from xrmri.evaluation.comparison import compare
from xrmri.evaluation.flip import flip, where
from xrmri.evaluation.inputs import Inputs
from xrmri.evaluation.result import summary_of
from xrmri.evaluation.samples import _calibration, examine
from xrmri.evaluation.verdicts import verdicts
from xrmri.facts.folders import write_model_facts
from xrmri.metrics.image import psnr
from xrmri.metrics.metric import Reference
from xrmri.metrics.region import JointBand
from xrmri.metrics.table import METRICS
from xrmri.report.words import beyond
from xrmri.stages import evaluate
from xrmri.storage.files import write_json

CONFIG = Evaluate(bootstrap=100, cases=1)
QUICK = Evaluate(bootstrap=100, quick=True)
ALONE = Execution(workers=1)
DRAWN = {"command": "generate", "status": "finished", "config": {}, "inputs": {}}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return write_cohort(tmp_path_factory.mktemp("cohort") / "dataset")


def evaluated(volumes, dataset, out, config, execution):
    """What `xrmri evaluate` says of one folder of volumes."""
    return evaluate.run(Inputs(volumes=volumes, dataset=dataset), out, config, execution)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A folder with a VAE of random weights: what passes through it is hardly to be recognised."""
    import torch

    from xrmri.models.autoencoder import build_autoencoder
    from xrmri.models.parts import VAE, hashes
    from xrmri.models.weights import save_network

    torch.manual_seed(0)
    vae = build_autoencoder(channels=(8, 8), blocks=1, latent_channels=4, middle_attention=False).eval()
    folder = tmp_path_factory.mktemp("model") / "ldm"
    folder.mkdir()
    save_network(folder / "vae", vae)
    write_model_facts(folder, replace(MODEL_FACTS, image_size=SIZE, files=hashes(folder, VAE)))
    return folder, vae


@pytest.fixture(scope="module")
def honest(dataset, model, tmp_path_factory):
    """Volumes that follow their patients, and what evaluate says."""
    base = tmp_path_factory.mktemp("honest")
    for number in TEST:
        generate(base / "volumes", number, blurred(number))
    write_json(base / "volumes" / "run.json", DRAWN | {"model": str(model[0])})
    told = evaluated(base / "volumes", dataset, base / "evaluation", CONFIG, ALONE)
    return base, told, json.loads((base / "evaluation" / "summary.json").read_bytes())


@pytest.mark.parametrize("number", [0, 1])
def test_left_and_right_knees_are_compared_in_the_frame_of_the_dataset(dataset, tmp_path, number):
    file = generate(tmp_path / "volumes", number, anatomy(number))
    found = compare(pair_id(number), file, open_dataset(dataset))
    assert np.allclose(found.generated, found.acquired, atol=1e-9)
    assert np.allclose(found.acquired, anatomy(number) / 1000)


def test_every_output_of_the_contract_is_there(honest):
    base, told, summary = honest
    assert told["status"] == "finished"
    names = {str(file.relative_to(base / "evaluation")) for file in (base / "evaluation").rglob("*") if file.is_file()}
    expected = {"run.json", "slices.csv", "volumes.csv", "baselines.csv", "summary.json", "report.html"}
    stems = ("baselines", "by_grade", "fig4", "fig5", "fig6", "table2", "table4")
    expected |= {f"figures/{stem}.{kind}" for stem in stems for kind in ("png", "pdf")}
    assert expected <= names
    assert len([name for name in names if name.startswith("figures/case_")]) == 6
    for metric in METRICS:
        if metric.size or metric.name in ("outline_mm", "detail_along_depth"):
            continue  # the mean of joints at many levels shows none, and few slices have no octave of depth
        for source in ("generated", "wrong_patient", "mean_volume", "nearest_training"):
            found = summary[metric.name][source]
            assert found["quartiles"][0] <= found["median"] <= found["quartiles"][1]
            assert found["participants"] == 7
    assert summary["counts"] == {
        "pairs": 7, "volumes": 7, "rejected": 0, "participants": 7, "slices": 42, "slices_without_joint": 14,
    }  # fmt: skip


def test_the_summary_is_what_the_tables_say(honest):
    base, _, summary = honest
    volumes = pd.read_csv(base / "evaluation" / "volumes.csv")
    slices = pd.read_csv(base / "evaluation" / "slices.csv")
    assert summary["psnr"]["generated"]["median"] == pytest.approx(volumes["psnr"].median(), abs=1e-5)
    means = slices.groupby("pair_id")["rssim"].mean()
    assert means.to_numpy() == pytest.approx(volumes.set_index("pair_id")["rssim"][means.index].to_numpy(), abs=1e-5)
    baselines = pd.read_csv(base / "evaluation" / "baselines.csv")
    mean = baselines[baselines["source"] == "mean_volume"]["ssim"].median()
    assert summary["ssim"]["mean_volume"]["median"] == pytest.approx(mean, abs=1e-5)


def test_the_mean_volume_is_the_mean_of_the_training_pairs_alone(honest):
    base, _, _ = honest
    mean = np.mean([anatomy(number) / 1000 for number in TRAIN], axis=0)
    error = np.mean((mean - anatomy(1) / 1000) ** 2, axis=(1, 2))
    baselines = pd.read_csv(base / "evaluation" / "baselines.csv").set_index(["source", "pair_id"])
    expected = np.mean(-10 * np.log10(error))
    assert baselines.loc[("mean_volume", pair_id(1)), "psnr"] == pytest.approx(expected, abs=1e-4)


def test_volumes_that_follow_their_patients_are_praised_and_recognised(honest):
    _, told, summary = honest
    assert summary["identification_accuracy"] == 1
    assert summary["differences"]["ssim"]["mean_volume"]["verdict"] == "better"
    assert told["conclusion"].startswith("By every measure of likeness the generated volumes are better than")


@pytest.mark.parametrize(
    ("drawn_mm", "stranger_mm", "lost"), [(9, 1, False), (10, 1, True), (10, 7, False), (44, 7, True)]
)
def test_depth_is_lost_from_10_mm_and_1_5_times_a_strangers_error_on(honest, drawn_mm, stranger_mm, lost):
    summary = json.loads(json.dumps(honest[2]))
    summary["depth_error_mm"]["generated"]["median"] = drawn_mm
    summary["depth_error_mm"]["wrong_patient"]["median"] = stranger_mm
    said = f"Depth is not controlled: slices look most like acquired slices {drawn_mm} mm away from theirs."
    assert (said in verdicts(summary_of(summary))[0]) == lost


def test_volumes_better_than_the_models_own_vae_are_called_out_as_acquired_data(honest):
    summary = json.loads(json.dumps(honest[2]))
    ours, mean = (summary["psnr"][name]["median"] for name in ("generated", "mean_volume"))
    summary["psnr"]["vae_ceiling"] = summary["psnr"]["generated"] | {"median": (ours + mean) / 2}
    told = verdicts(summary_of(summary))[0]
    assert "than the model's own VAE can bring them" in told and "acquired data have got into them" in told
    assert "have not shown that they follow the radiograph" in told
    summary["psnr"]["vae_ceiling"]["median"] = mean - 1
    assert "VAE" not in verdicts(summary_of(summary))[0]


def test_a_vae_that_lies_under_the_mean_volume_is_called_no_ceiling_and_accuses_nobody(honest):
    base, told, summary = honest
    assert summary["psnr"]["vae_ceiling"]["median"] < summary["psnr"]["mean_volume"]["median"]
    assert "acquired data" not in told["conclusion"]
    page = html.unescape((base / "evaluation" / "report.html").read_text(encoding="utf-8"))
    assert re.search(r"By PSNR.* the VAE's reconstruction lies under the mean volume: no ceiling there\.", page)
    assert "VAE ceiling" not in page


def test_the_ceiling_goes_through_the_models_vae_and_two_participants_prove_nothing(dataset, tmp_path, model):
    import torch

    ldm, vae = model
    for number in (1, 2):
        generate(tmp_path / "volumes", number, anatomy(number))
    write_json(tmp_path / "volumes" / "run.json", DRAWN | {"model": str(ldm)})
    told = evaluated(tmp_path / "volumes", dataset, tmp_path / "evaluation", Evaluate(bootstrap=100, cases=0), ALONE)
    assert told["conclusion"].startswith("Only 2 participants: too few")
    assert told["counts"] == {
        "pairs": 7, "volumes": 2, "rejected": 5, "participants": 2, "slices": 12, "slices_without_joint": 4,
    }  # fmt: skip
    acquired = anatomy(1) / 1000
    with torch.no_grad():
        x = torch.from_numpy(acquired.astype(np.float32) * 2 - 1)[:, None].repeat(1, 3, 1, 1)
        decoded = vae.decode(vae.encode(x).latent_dist.mode()).sample.mean(dim=1).numpy()
    expected = psnr(acquired, np.clip((decoded + 1) / 2, 0, 1)).mean()
    table = pd.read_csv(tmp_path / "evaluation" / "baselines.csv").set_index(["source", "pair_id"])
    assert table.loc[("vae_ceiling", pair_id(1)), "psnr"] == pytest.approx(expected, abs=1e-3)


CALLED = {
    "mean_volume": "The volumes of different people are nearly one and the same: they differ by 0 % of",
    "nearest_training": "7 of 7 volumes are all but copies of a training volume",
    "wrong_patient": "7 of 7 volumes are all but copies of another patient's acquired volume",
    "own_mean_slice": "The slices of a volume hardly differ from each other",
}


@pytest.mark.parametrize("cheat", CALLED)
def test_a_cheat_is_called_out_in_words(dataset, tmp_path, cheat):
    mean = np.mean([anatomy(number) for number in TRAIN], axis=0).astype(np.uint16)
    for number in TEST:
        fake = {"mean_volume": mean, "nearest_training": anatomy(7 + number)}
        fake["wrong_patient"] = anatomy((number + 1) % len(TEST))
        fake["own_mean_slice"] = np.repeat(anatomy(number).mean(axis=0, keepdims=True), SLICES, axis=0).astype(
            np.uint16
        )
        generate(tmp_path / "volumes", number, fake[cheat])
    told = evaluated(tmp_path / "volumes", dataset, tmp_path / "evaluation", QUICK, ALONE)
    summary = json.loads((tmp_path / "evaluation" / "summary.json").read_bytes())
    assert told["conclusion"] == summary["verdicts"][0]
    if cheat != "own_mean_slice":
        assert "no better than" in told["conclusion"]
        assert summary["identification_accuracy"] <= 2 / 7
    assert "have not shown that they follow the radiograph" in summary["verdicts"][0]
    assert CALLED[cheat] in summary["verdicts"][0]
    if cheat == "mean_volume":
        assert summary["differences"]["psnr"]["mean_volume"]["median"] == pytest.approx(0, abs=0.05)


def test_each_bad_volume_is_a_row_with_its_reason_and_stops_nothing(dataset, tmp_path):
    volumes = tmp_path / "volumes"
    generate(volumes, 0, blurred(0))
    holes = anatomy(1).astype(np.float32)
    holes[2, 3, 4] = np.nan
    generate(volumes, 1, holes)
    generate(volumes, 2, np.full((SLICES, SIZE, SIZE), 7, np.uint16))
    generate(volumes, 3, anatomy(3), shift_mm=20)
    generate(volumes, 4, anatomy(4)[:, :32, :32])
    file = generate(volumes, 5, anatomy(5))
    nibabel.Nifti1Image(np.zeros((SIZE, SIZE, SLICES), np.int16), np.eye(4)).to_filename(file)
    evaluated(volumes, dataset, tmp_path / "evaluation", QUICK, ALONE)
    table = pd.read_csv(tmp_path / "evaluation" / "volumes.csv", keep_default_na=False).set_index("pair_id")["reason"]
    for number, words in {
        0: "",
        1: "1 voxels that are not finite numbers",
        2: "is blank: every voxel is 14",
        3: "lies up to 20.0 mm from the acquired volume",
        4: "has 32 x 32 pixels a slice where the acquired volume has 64 x 64",
        5: "is blank",
        6: "no volume of this pair",
    }.items():
        assert words in table[pair_id(number)] and (words != "" or table[pair_id(number)] == "")
        assert "\n" not in table[pair_id(number)]


@pytest.mark.parametrize(("slices", "expected"), [(3, [0, 2, 5]), (11, [0, 1, 2, 3, 4, 5])])
def test_another_number_of_slices_is_compared_at_the_depths_both_have(dataset, tmp_path, slices, expected):
    chosen = np.rint(np.linspace(0, SLICES - 1, slices)).astype(int)
    file = generate(tmp_path / "volumes", 0, anatomy(0)[chosen], slices=slices)
    found = compare(pair_id(0), file, open_dataset(dataset))
    assert found.slices.tolist() == expected
    assert found.depths == pytest.approx(np.array(expected) / 5)
    assert np.allclose(found.generated, found.acquired, atol=1e-9)


def test_two_workers_and_a_second_run_give_the_same_bytes(honest, dataset, tmp_path):
    base, _, _ = honest
    evaluated(base / "volumes", dataset, tmp_path / "again", CONFIG, Execution(workers=2))
    for file in (base / "evaluation").rglob("*"):
        if file.is_file() and file.name != "run.json":
            assert file.read_bytes() == (tmp_path / "again" / file.relative_to(base / "evaluation")).read_bytes()


def test_a_finished_evaluation_is_not_done_again_and_a_dry_run_writes_nothing(honest, dataset, tmp_path):
    base, _, _ = honest
    assert evaluated(base / "volumes", dataset, base / "evaluation", CONFIG, ALONE)["status"] == "already done"
    told = evaluated(base / "volumes", dataset, tmp_path / "new", CONFIG, Execution(dry_run=True))
    assert told == {"status": "dry run", "output": str(tmp_path / "new"), "pairs": 7, "volumes": 7}
    assert not (tmp_path / "new").exists()


def test_volumes_of_no_pair_no_folder_and_no_readable_volume_are_told_in_one_line(dataset, tmp_path):
    with pytest.raises(InputError, match="is not a folder"):
        evaluated(tmp_path / "nowhere", dataset, tmp_path / "out", CONFIG, ALONE)
    generate(tmp_path / "strangers", 1, anatomy(1), name="somebody")
    with pytest.raises(InconsistentError, match="no NIfTI file named after a pair"):
        evaluated(tmp_path / "strangers", dataset, tmp_path / "out", CONFIG, ALONE)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / f"{pair_id(1)}.nii.gz").write_text("words")
    with pytest.raises(InputError, match="no volume in .* can be compared; the first"):
        evaluated(tmp_path / "broken", dataset, tmp_path / "out", CONFIG, ALONE)
    assert json.loads((tmp_path / "out" / "run.json").read_bytes())["status"] == "failed"


def test_the_report_needs_nothing_else_and_says_what_the_volumes_are(honest):
    base, _, summary = honest
    page = (base / "evaluation" / "report.html").read_text(encoding="utf-8")
    assert "Synthetic volumes. Not for diagnosis." in page
    assert summary["verdicts"][0] in html.unescape(page)
    assert "http" not in page.replace("http-equiv", "")
    assert page.count("<img ") == page.count(' height="') == page.count(".png</small>") == 10
    assert 'alt=""' not in page and page.count("<canvas ") == page.count('role="img"') == 6
    cases = json.loads(page.partition('id="viewer-data">')[2].partition("</script>")[0])
    assert [one["title"].partition(":")[0] for one in cases] == ["best", "median", "worst"]
    assert cases[0]["shape"] == [SLICES, SIZE, SIZE] and cases[0]["spacing"] == [14.7, 2.5, 2.5]


@pytest.fixture(scope="module")
def lonely(dataset, tmp_path_factory):
    """The evaluation of one volume of an unknown model, beside another run's."""
    base = tmp_path_factory.mktemp("lonely")
    for run in ("volumes", "again"):
        generate(base / run, 1, blurred(1))
    inputs = Inputs(volumes=base / "volumes", dataset=dataset, also=(base / "again",))
    evaluate.run(inputs, base / "evaluation", Evaluate(bootstrap=10, cases=0), ALONE)
    return base / "evaluation"


def test_a_missing_model_is_told_and_leaves_the_ceiling_out(lonely):
    summary = json.loads((lonely / "summary.json").read_bytes())
    assert "no run.json that names a model" in summary["skipped_baselines"]["vae_ceiling"]
    assert summary["psnr"]["vae_ceiling"] is None


def test_one_participant_gets_a_dash_for_every_statistic_of_several(lonely):
    page = (lonely / "report.html").read_text(encoding="utf-8")
    scores, _, rest = page.partition('aria-label="Metrics beside baselines"')[2].partition("</table>")
    assert "<small>–</small>" in scores and " to " not in scores
    assert "Too few knees show a size in both volumes." in page
    rows = rest.partition('aria-label="Differences to the baselines"')[2].partition("</table>")[0].split("<tr>")[2:]
    assert len(rows) > 10
    for row in rows:
        cells = re.findall("<td>(.*?)</td>", row)
        assert cells[2:6] == ["–"] * 4 and cells[6] == "too few participants"


def test_runs_are_called_by_their_folders_and_the_page_says_which_it_is_about(lonely):
    page = (lonely / "report.html").read_text(encoding="utf-8")
    assert '<a href="#runs">Runs</a>' in page and '"Generated" is the run <code>volumes</code>' in page
    assert "1 volume of 1 participant ·" in page
    rows = page.partition('aria-label="Runs against each other"')[2].partition("</table>")[0].split("<tr>")[2:]
    assert len(rows) > 3
    for row in rows:
        cells = re.findall("<td>(.*?)</td>", row)
        assert cells[:2] == ["volumes", "again"] and cells[-1] == "too few participants"


def test_a_quick_evaluation_measures_and_judges_and_draws_nothing(dataset, tmp_path):
    for number in TEST:
        generate(tmp_path / "volumes", number, blurred(number))
    told = evaluated(tmp_path / "volumes", dataset, tmp_path / "evaluation", QUICK, ALONE)
    assert told["conclusion"].startswith("By every measure of likeness the generated volumes are better than")
    names = {file.name for file in (tmp_path / "evaluation").iterdir()}
    assert names == {"run.json", "slices.csv", "volumes.csv", "baselines.csv", "summary.json"}


def test_the_swapped_radiograph_is_the_volume_drawn_for_somebody_else(honest):
    base, _, summary = honest
    table = pd.read_csv(base / "evaluation" / "baselines.csv").set_index(["source", "pair_id"])
    expected = psnr(anatomy(1) / 1000, blurred(2) / 1000).mean()
    assert table.loc[("swapped_radiograph", pair_id(1)), "psnr"] == pytest.approx(expected, abs=1e-2)
    assert summary["differences"]["ssim"]["swapped_radiograph"]["verdict"] == "better"
    assert any("the volumes follow radiograph and grades" in line for line in summary["verdicts"])


def test_runs_are_compared_with_corrected_tests_and_a_second_scan_stands_beside_them(dataset, tmp_path):
    for number in TEST:
        generate(tmp_path / "a" / "volumes", number, blurred(number))
        worse = gaussian_filter(blurred(number).astype(float), (0, 3, 3)).astype(np.uint16)
        generate(tmp_path / "b" / "volumes", number, worse)
        again = np.clip(anatomy(number) + np.random.default_rng(number).normal(0, 9, (SLICES, SIZE, SIZE)), 0, 1000)
        generate(tmp_path / "rescan", number, again.astype(np.uint16))
    inputs = Inputs(
        volumes=tmp_path / "a" / "volumes",
        dataset=dataset,
        also=(tmp_path / "b" / "volumes",),
        rescan=tmp_path / "rescan",
    )
    evaluate.run(inputs, tmp_path / "evaluation", QUICK, ALONE)
    summary = json.loads((tmp_path / "evaluation" / "summary.json").read_bytes())
    rows = {row["metric"]: row for row in summary["runs"]}
    assert summary["run_names"] == ["a/volumes", "b/volumes"]
    assert set(rows) == {"psnr", "ssim", "ssim_gaussian", "ms_ssim", "rssim", "r2"}
    assert rows["psnr"]["p"] == pytest.approx(2 / 2**7)
    assert rows["psnr"]["p_holm"] >= rows["psnr"]["p"]
    assert summary["psnr"]["b/volumes"]["median"] < summary["psnr"]["generated"]["median"]
    assert summary["psnr"]["rescan"]["median"] == pytest.approx(20 * np.log10(1000 / 9), abs=0.7)


def test_samples_tell_chance_from_anatomy_and_whether_their_spread_is_honest(dataset, tmp_path):
    for number in TEST:
        for sample in range(4):
            noise = np.random.default_rng((number, sample)).normal(0, 60, (SLICES, SIZE, SIZE))
            ending = f"_sample-{sample + 1}" if sample else ""
            voxels = np.clip(300 + 0.4 * anatomy(number) + noise, 0, 1000).astype(np.uint16)
            generate(tmp_path / "volumes", number, voxels, name=f"{pair_id(number)}{ending}")
    data = open_dataset(dataset)
    found = examine(pair_id(1), tmp_path / "volumes" / f"{pair_id(1)}.nii.gz", data)
    truth = 300 + 0.4 * anatomy(1).astype(float)
    anatomical = np.mean([np.corrcoef(truth[i].ravel(), truth[i + 1].ravel())[0, 1] for i in range(SLICES - 1)])
    assert found["adjacent"] < found["anatomy"]
    assert found["anatomy"] == pytest.approx(anatomical, abs=0.05)
    assert found["expected_2_sd"] == pytest.approx(2 * stats.t.cdf(2 * np.sqrt(3 / 5), 3) - 1)
    assert examine(pair_id(1), tmp_path / "volumes" / f"{pair_id(1)}_sample-2.nii.gz", data) is None


def test_samples_of_the_truth_itself_are_found_honest():
    generator = np.random.default_rng(0)
    draws = generator.normal(0.5, generator.uniform(0.02, 0.1, (6, 40, 40)), (6, 6, 40, 40))
    found = _calibration(draws[1:], draws[0])
    assert found["within_1_sd"] == pytest.approx(found["expected_1_sd"], abs=0.02)
    assert found["within_2_sd"] == pytest.approx(found["expected_2_sd"], abs=0.02)
    assert found["rank_correlation"] > 0.2
    assert _calibration(draws[1:], draws[0] + 0.3)["within_2_sd"] < 0.2


def test_flipped_grades_are_looked_for_in_their_place(dataset, tmp_path):
    for number in TEST:
        drawn = anatomy(number)
        bands = Reference.of(drawn / 1000, 3.0).bands
        other = drawn.copy()
        for index, band in enumerate(bands):
            if band:
                other[index, band.tibia : band.tibia + 6, SIZE // 2 :] += 200  # medial, tibia
        for name, voxels, grade in (("a", drawn, 0), ("b", np.minimum(other, 1000), 3)):
            file = generate(tmp_path / name, number, voxels)
            sidecar = file.with_name(file.name.replace(".nii.gz", ".json"))
            facts = {"seed": 0, "features_used": {"V00XRKL": 2, "V00XROSTM": grade}}
            write_json(sidecar, json.loads(sidecar.read_bytes()) | facts)
    inputs = Inputs(volumes=tmp_path / "a", dataset=dataset, flipped=tmp_path / "b")
    evaluate.run(inputs, tmp_path / "evaluation", QUICK, ALONE)
    summary = json.loads((tmp_path / "evaluation" / "summary.json").read_bytes())
    assert summary["flips"]["grades"] == {"V00XROSTM": [0, 3]}
    assert summary["flips"]["volumes"] == 7
    assert summary["flips"]["inside"] > 3
    assert any("they act in their place" in line for line in summary["verdicts"])
    still = summary_of(summary | {"flips": summary["flips"] | {"change": 0.0004}})
    told = "Other grades (V00XROSTM) change nothing that can be seen in the volumes."
    assert told in verdicts(still) and told not in summary["verdicts"]
    assert any("That is nothing that can be seen" in words for _, words in beyond(still))


def test_volumes_with_the_same_grades_or_another_seed_are_no_flip(dataset, tmp_path):
    first, second = (generate(tmp_path / name, 1, anatomy(1)) for name in ("a", "b"))
    with pytest.raises(InputError, match="drawn with the same grades"):
        flip(pair_id(1), first, second, open_dataset(dataset), sigma=3.0)
    write_json(second.with_name(f"{pair_id(1)}.json"), {"window": [0, 2000], "seed": 1})
    with pytest.raises(InputError, match="another seed"):
        flip(pair_id(1), first, second, open_dataset(dataset), sigma=3.0)


@pytest.mark.parametrize(
    ("name", "rows", "columns"),
    [
        ("V00XROSFM", slice(20, 49), slice(32, 64)),
        ("V00XRSCTL", slice(48, 70), slice(0, 32)),
        ("V00XRJSL", slice(20, 70), slice(0, 32)),
        ("V00XRKL", slice(20, 70), slice(0, 64)),
    ],
)
def test_a_grades_place_follows_from_its_name(name, rows, columns):
    assert where(name, JointBand(femur=46, tibia=50, rows=slice(20, 70)), 64) == (rows, columns)
