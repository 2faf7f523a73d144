"""Freed memory stays in the process."""

import platform
import subprocess
import sys

import pytest

AFTER_A_STEP = """
import resource, sys, torch
from xrmri.machine.memory import keep_memory
asked = sys.argv[1] == "keep" and keep_memory()
for _ in range(30):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.zeros(16_000_000)
print(asked, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")
def test_the_thirtieth_tensor_of_64_mb_takes_pages_that_the_process_has():
    faults = {}
    for way in ("usual", "keep"):
        said = subprocess.run([sys.executable, "-c", AFTER_A_STEP, way], capture_output=True, text=True, check=True)
        asked, count = said.stdout.split()
        assert asked == str(way == "keep")
        faults[way] = int(count)
    assert faults["keep"] < 10
    # 15,625 pages of 4 kB, or 31 where the kernel gives huge ones unasked.
    assert faults["usual"] > 30
