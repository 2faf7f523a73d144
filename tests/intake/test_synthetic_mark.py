"""That knees are synthetic is not lost with a file beside them."""

from tests.conftest import TINY
from xrmri.building.search import is_synthetic, search
from xrmri.config import BuildDataset
from xrmri.facts.origins import SYNTHETIC_MARK
from xrmri.phantom.dicom_series import SYNTHETIC


def test_the_mark_is_the_one_that_the_phantom_writes():
    assert SYNTHETIC.encode() == SYNTHETIC_MARK


def test_a_phantom_without_its_run_json_is_a_phantom(xrmri, tmp_path):
    assert xrmri("phantom", "--participants", 1, *TINY, "-o", tmp_path / "oai").code == 0
    assert is_synthetic(search(tmp_path / "oai", BuildDataset()))
    (tmp_path / "oai" / "run.json").unlink()
    assert is_synthetic(search(tmp_path / "oai", BuildDataset()))
