"""What `--device` means on this machine."""

import pytest
import torch

from xrmri.errors import InputError
from xrmri.machine.device import find_device


def test_auto_is_a_gpu_where_there_is_one_and_the_cpu_otherwise():
    assert find_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    assert find_device("cpu").type == "cpu"


def test_a_gpu_that_is_not_there_is_refused_in_one_line():
    with pytest.raises(InputError, match="this machine has [0-9]+ CUDA devices"):
        find_device("cuda:99")


@pytest.mark.parametrize(
    ("rank", "name", "index"), [(None, "cuda", 0), (None, "auto", 0), ("1", "cuda", 1), ("1", "cuda:0", 0)]
)
def test_cuda_without_a_number_is_a_gpu_with_one(monkeypatch, rank, name, index):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    if rank:
        monkeypatch.setenv("LOCAL_RANK", rank)
    assert find_device(name) == torch.device("cuda", index)  # torch.cuda.set_device takes no other
