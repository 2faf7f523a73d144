"""A stranger's detector runs nothing and asks for no more memory than a detector has."""

import json

import pytest
from safetensors.torch import load_file, save_file

from tests.faults.detector import FORGERIES, forged_detector
from tests.faults.refusal import refusal
from xrmri.detector.detect import load_detector
from xrmri.errors import InputError
from xrmri.pretrained import BUNDLED_DETECTOR
from xrmri.storage.files import sha256


@pytest.mark.parametrize("kind", FORGERIES)
def test_a_description_outside_the_closed_list_is_one_line_and_runs_nothing(xrmri, tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    folder = forged_detector(BUNDLED_DETECTOR, tmp_path / "theirs", kind)
    film = BUNDLED_DETECTOR.parent.parent / "samples" / "knee.png"
    ended = xrmri("detect-knee", film, "--side", "right", "--weights", folder, "-o", tmp_path / "knees")
    assert ended.code == 2 and refusal(ended).startswith(f"{folder / 'architecture.json'}: {FORGERIES[kind][1]}")
    assert not (tmp_path / "let-in").exists() and not (tmp_path / "knees" / "knees.csv").exists()


@pytest.mark.parametrize("name", ["detector.safetensors", "fibula.safetensors"])
def test_weights_that_are_no_numbers_are_told_and_are_no_film_without_a_knee(tmp_path, name):
    folder = forged_detector(BUNDLED_DETECTOR, tmp_path / "theirs", "size 65")
    facts = json.loads((BUNDLED_DETECTOR / "architecture.json").read_bytes())
    weights = load_file(folder / name)
    odd = next(one for one, value in weights.items() if value.is_floating_point())
    weights[odd] = weights[odd] * float("nan")
    save_file(weights, folder / name)
    facts["sha256"][name] = sha256(folder / name)
    (folder / "architecture.json").write_text(json.dumps(facts))
    with pytest.raises(InputError) as told:
        load_detector(folder)
    assert f"is damaged ({odd} holds numbers that are not finite): train or copy it again" in str(told.value)


def test_one_flipped_bit_of_a_detector_is_told(xrmri, tmp_path):
    folder = forged_detector(BUNDLED_DETECTOR, tmp_path / "theirs", "size 65")
    (folder / "architecture.json").write_bytes((BUNDLED_DETECTOR / "architecture.json").read_bytes())
    weights = bytearray((folder / "fibula.safetensors").read_bytes())
    weights[-1] ^= 1
    (folder / "fibula.safetensors").write_bytes(weights)
    film = BUNDLED_DETECTOR.parent.parent / "samples" / "knee.png"
    ended = xrmri("detect-knee", film, "--side", "right", "--weights", folder, "-o", tmp_path / "knees")
    assert ended.code == 3
    assert (
        refusal(ended)
        == f"{folder / 'fibula.safetensors'} is not what architecture.json tells of: copy the folder again"
    )
