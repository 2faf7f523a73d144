"""Table III against the phantom's maps of signs, and gains with intervals: on arrays whose answer is known."""

import numpy as np
import pandas as pd
import pytest

from tests.reproduction.gains import joint_gain
from tests.reproduction.signs import Knees, area, area_among_others, change_rows, knee_rows, laid, largest
from xrmri.data.store import open_dataset
from xrmri.storage.files import write_json

SIGN, SHAPE = 3, (6, 20, 20)
PLACE = np.s_[2:4, 8:12, 3:7]  # lateral, which is left in the picture
DRAWN = {"xray2mri": ("free", "having"), "anchored": ("free", "free")}


class MadeData:
    """Ten people to learn from and eight to test on; every second one has the sign."""

    def __init__(self):
        names = [f"{split}{number}" for split, count in (("train", 10), ("test", 8)) for number in range(count)]
        self.index = pd.DataFrame({"participant": names}, index=names)

    def pairs(self, split):
        return [name for name in self.index.index if name.startswith(split)]


class MadeKnees(Knees):
    """Grey noise, with a bright cyst where there is one; xray2mri draws it where it is told to, no-readings never."""

    def sign(self, pair_id, code):
        mask = np.zeros(SHAPE, bool)
        mask[PLACE] = code == SIGN and int(pair_id[-1]) % 2 == 1
        return mask

    def acquired(self, pair_id):
        return self._noise(pair_id) + 0.5 * self.sign(pair_id, SIGN), np.arange(SHAPE[0])

    def drawn(self, folder, pair_id):
        voxels = self._noise(pair_id) + 0.01 * self._noise(f"{folder}-{pair_id}")
        if str(folder) == "having" or str(folder).endswith("xray2mri") and self.sign(pair_id, SIGN).any():
            voxels[PLACE] += 0.4
        return voxels, np.arange(SHAPE[0])

    def _noise(self, name):
        return 0.1 * np.random.default_rng(list(name.encode())).random(SHAPE)


@pytest.fixture
def knees(tmp_path):
    return MadeKnees(data=MadeData(), labels=tmp_path)


def test_a_change_in_the_sign_tells_its_voxels_and_not_those_of_the_other_compartment(knees):
    rows = change_rows(knees, DRAWN, SIGN)
    assert rows["xray2mri"]["knees"] == 4 and rows["xray2mri"]["inside"]["median"] == 1.0
    assert abs(rows["xray2mri"]["outside"]["median"] - 0.5) < 0.1 and rows["xray2mri"]["less"]["interval"][0] > 0.4
    assert rows["anchored"] is None  # both folders hold the same: nothing changed


def test_a_sign_is_seen_where_a_method_was_told_of_it_and_nowhere_else(knees, tmp_path):
    rows = knee_rows(knees, DRAWN, tmp_path, SIGN)
    assert rows["acquired"]["inside"]["median"] == rows["xray2mri"]["inside"]["median"] == 1.0
    assert rows["xray2mri, told"]["inside"]["median"] == 1.0 and rows["xray2mri, told"]["p"] < 0.01
    assert abs(rows["xray2mri, told"]["outside"]["median"] - 0.5) < 0.3

    low, high = rows["no-readings"]["inside"]["interval"]
    assert low <= 0.5 <= high
    assert rows["xray2mri"]["knees"] == [4, 4] and knee_rows(knees, DRAWN, tmp_path, SIGN + 1) == {}


def test_the_largest_sign_is_pictured_at_its_largest_slice(knees):
    assert largest(knees, SIGN) == ("test1", 2) and largest(knees, SIGN + 1) is None


def test_an_area_under_the_curve_counts_pairs_in_order_and_ties_as_half():
    assert area(np.array([1.0, 2, 3, 3]), np.array([False, True, False, True])) == 2.5 / 4
    assert np.isnan(area(np.ones(3), np.ones(3, bool)))


def test_maps_of_tissue_lie_on_the_volumes_of_a_dataset_and_not_mirrored(chain, xrmri, tmp_path):
    settings = tmp_path / "phantom.toml"
    settings.write_text("participants = 2\nother_sequences = false\nlabels = true\n")
    assert xrmri("phantom", "--preset", "tiny", "--config", settings, "-o", tmp_path / "oai").code == 0
    data, compared = open_dataset(chain.dataset), 0
    for file in sorted((tmp_path / "oai" / "labels").glob("*_labels.nii.gz")):
        pair_id = file.name.removesuffix("_labels.nii.gz")
        if pair_id in data.pairs():
            tissues, acquired = laid(file, data, pair_id), data.volume(pair_id).astype(float)
            assert explained(acquired, tissues) > 0.7 > explained(acquired, tissues[..., ::-1]) + 0.1
            compared += 1
    assert compared


def explained(volume, tissues):
    """Share of the variance that lies between tissues."""
    means = {code: volume[tissues == code].mean() for code in np.unique(tissues)}
    rest = volume - np.vectorize(means.get)(tissues)
    return 1 - rest.var() / volume.var()


def test_the_gain_over_the_best_rival_is_told_in_both_ways_with_intervals(tmp_path):
    people = range(40)
    levels = {"anchored": 0.6, "xray2mri": 0.5, "ldm": 0.3, "cola-diff": 0.4, "x-diffusion": 0.35,
              "wrong_patient": 0.2, "twin": 1.0}  # fmt: skip
    tables = {
        name: pd.DataFrame({"participant": people, "source": name, "psnr": 0.5, "ssim": 0.5, "rssim": level})
        for name, level in levels.items()
    }
    folder = tmp_path / "evaluation-seed0"
    folder.mkdir()
    tables.pop("anchored").drop(columns="source").assign(rssim=0.6).to_csv(folder / "volumes.csv", index=False)
    pd.concat(tables.values()).to_csv(folder / "baselines.csv", index=False)
    scores = {name: {"median": level, "interval": [level - 0.01, level + 0.01]} for name, level in levels.items()}
    scores |= {"generated": scores["anchored"]}
    found = {"run_names": ["anchored"], "psnr": scores, "ssim": scores, "rssim": scores}
    write_json(folder / "summary.json", found)
    text = joint_gain(tmp_path, {"seed0": found})
    assert "| seed0 | anchored | rssim | +50.0% (+50.0% to +50.0%) | +25.0% (+25.0% to +25.0%) | yes |" in text
    assert "| seed0 | xray2mri | rssim | +25.0% (+25.0% to +25.0%) | +12.5% (+12.5% to +12.5%) | yes |" in text
    assert "| seed0 | anchored | psnr | +0.0% (+0.0% to +0.0%) | – | yes |" in text  # no way from nothing to a twin


def test_the_same_small_change_of_everybody_tells_nobody_apart_and_lies_in_its_interval():
    people = np.random.default_rng(0).normal(size=40)
    values = np.stack([people, people - 1e-6], axis=1)
    again = [area_among_others(values[rows], rows) for rows in np.random.default_rng(1).integers(0, 40, (200, 40))]
    assert area_among_others(values, np.arange(40)) == 0.5
    assert np.allclose(again, 0.5)
    assert area_among_others(values + [0, 10], np.arange(40)) == 1.0
