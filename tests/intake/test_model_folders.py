"""A stranger's model folder makes the networks of this project, in its sizes, or none."""

import pytest

from tests.faults.models import WRONG_CONFIGS, change_json, copied_model
from tests.faults.refusal import refusal
from xrmri.pretrained import BUNDLED_LDM

KNEE = BUNDLED_LDM.parent.parent / "samples" / "knee.png"


@pytest.mark.parametrize("kind", WRONG_CONFIGS)
def test_a_config_that_asks_for_another_network_is_one_line(xrmri, tmp_path, kind):
    network, changes, said = WRONG_CONFIGS[kind]
    folder = copied_model(BUNDLED_LDM, tmp_path / "theirs")
    change_json(folder / network / "config.json", changes)
    ended = xrmri("generate", KNEE, "--model", folder, "-q", "-o", tmp_path / "a.nii.gz")
    assert ended.code == 3 and refusal(ended).startswith(f"{folder / network / 'config.json'}: {said}")
    assert not (tmp_path / "a.nii.gz").exists()
