"""How much a reader must hold to follow one call: from the command to the network."""

import sys
import threading
from pathlib import Path

import pytest

from tests.generation.made_model import made_model
from xrmri.models.unet import Denoiser

ROOT = Path(__file__).parents[2]
OWN = (str(ROOT / "cli"), str(ROOT / "xrmri"))
SAMPLES = ROOT / "xrmri" / "samples"


def frames(frame):
    """The functions of this project on a stack, the outermost first."""
    found = []
    while frame:
        if frame.f_code.co_filename.startswith(OWN):
            found.append(frame.f_code.co_name)
        frame = frame.f_back
    return found[::-1]


@pytest.mark.parametrize("sampler", ["ddim", "dpm++"])
def test_from_the_command_to_the_network_there_are_ten_frames(xrmri, tmp_path, monkeypatch, sampler):
    made_model(tmp_path / "ldm")
    forward, seen = Denoiser.forward, []

    def traced(self, *given, **told):
        waiting = sys._current_frames()[threading.main_thread().ident]  # for the thread that draws
        seen.append([*frames(waiting), *frames(sys._getframe(1)), "forward"])
        return forward(self, *given, **told)

    monkeypatch.setattr(Denoiser, "forward", traced)
    said = xrmri("generate", SAMPLES / "knee.png", "--model", tmp_path / "ldm", "-o", tmp_path / "a.nii.gz",
                 "--sampler", sampler, "--steps", "2", "--num-slices", "2", "--device", "cpu", "-q")  # fmt: skip
    assert said.code == 0, said.err
    inside = [names[names.index("generate") :] for names in seen]
    assert {tuple(names) for names in inside} == {
        ("generate", "run", "_to_file", "draw", "draw_volume")
        + ("draw_slices", "sample", "eps", "predict_noise", "forward")
    }
