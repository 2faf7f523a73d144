import json
import os
import subprocess
import sys

import pytest
import torch

from xrmri.detector import fibula
from xrmri.detector import network as yolo
from xrmri.detector.detect import load_detector
from xrmri.errors import InconsistentError, InputError
from xrmri.teaching.card import save_detector


def make(folder):
    torch.manual_seed(0)
    network = yolo.build(yolo.ARCHITECTURE)
    save_detector(folder, network, fibula.build(), 64, settings={}, figures={}, real_joints=False)
    return network


def test_the_network_gives_a_box_and_a_score_for_each_cell_of_two_grids():
    network = yolo.build(yolo.ARCHITECTURE).eval()
    corners, scores = yolo.predict(network, torch.zeros(2, 1, 64, 64))
    assert corners.shape == (2, 16 + 4, 4)
    assert scores.shape == (2, 16 + 4, 1)


def test_a_saved_detector_loads_as_it_was_to_half_precision(tmp_path):
    network = make(tmp_path).eval()
    detector = load_detector(tmp_path)
    image = torch.rand(1, 1, 64, 64)
    for here, there in zip(yolo.predict(network, image), yolo.predict(detector.network, image), strict=True):
        assert torch.allclose(here, there, atol=0.05)
    assert detector.size == 64
    assert "64 x 64" in repr(detector)


def test_a_training_step_on_films_without_a_knee_has_a_finite_loss():
    network = yolo.build(yolo.ARCHITECTURE).train()
    none = torch.zeros(0)
    loss = yolo.training_loss(network, torch.rand(2, 1, 64, 64), torch.zeros(0, 4), none)
    assert torch.isfinite(loss)


def test_a_damaged_or_missing_detector_is_one_line(tmp_path):
    with pytest.raises(InputError, match="holds no detector"):
        load_detector(tmp_path / "none")
    make(tmp_path)
    weights = tmp_path / "detector.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(InconsistentError, match="is not what architecture.json tells of") as caught:
        load_detector(tmp_path)
    assert "\n" not in str(caught.value)
    (tmp_path / "architecture.json").write_text(json.dumps({"size": 64}))
    with pytest.raises(InputError, match="network is missing: train or copy the detector again"):
        load_detector(tmp_path)


def test_a_pickle_is_not_opened_without_trust(tmp_path):
    file = tmp_path / "best.pt"
    file.write_bytes(b"anything")
    with pytest.raises(InputError, match="--trust-weights"):
        load_detector(file)
    with pytest.raises(InputError, match="not a detection model"):
        load_detector(file, trust=True)


def test_a_trusted_pickle_of_ultralytics_is_a_detector(tmp_path):
    network = yolo.build(yolo.ARCHITECTURE)
    network.args = {"imgsz": 96}
    torch.save({"model": network.half(), "ema": None}, tmp_path / "best.pt")
    detector = load_detector(tmp_path / "best.pt", trust=True)
    assert (detector.size, detector.channels) == (96, 1)
    assert yolo.predict(detector.network, torch.zeros(1, 1, 96, 96))[1].shape == (1, 36 + 9, 1)


def test_a_missing_gpu_is_said_in_one_line(tmp_path):
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    make(tmp_path)
    with pytest.raises(InputError, match="--device cpu"):
        load_detector(tmp_path, "cuda:0")


def test_ultralytics_prints_nothing_goes_offline_and_leaves_the_home_directory_alone(tmp_path):
    program = (
        "import numpy, torch\n"
        "from PIL import Image\n"
        "before = Image.open, torch.save, numpy.get_printoptions()\n"
        "from xrmri.detector import network\n"
        "assert before == (Image.open, torch.save, numpy.get_printoptions())\n"
        "from ultralytics.utils import AUTOINSTALL, SETTINGS, is_online\n"
        "assert not AUTOINSTALL and not SETTINGS['sync'] and not is_online()\n"
        "network.build(network.ARCHITECTURE)\n"
    )
    home, temporary = tmp_path / "home", tmp_path / "tmp"
    home.mkdir(), temporary.mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("YOLO", "XDG"))}
    environment = kept | {"HOME": str(home), "TMPDIR": str(temporary)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(home.rglob("*")) == []
    assert not any(file.is_file() for file in temporary.rglob("*"))
