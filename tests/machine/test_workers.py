"""Workers where the first process has no place for the socket of the one that they are copied from."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
from xrmri.machine.parallel import in_order
if __name__ == "__main__":
    print(*in_order(abs, [-1, 2, -3], 2))
"""


@pytest.mark.parametrize("letters", [1, 200])
def test_workers_start_whatever_the_length_of_the_name_of_the_temporary_folder(tmp_path, letters):
    place = tmp_path / ("a" * letters)
    place.mkdir()
    (tmp_path / "program.py").write_text(PROGRAM)
    told = os.environ | {"TMPDIR": str(place)}
    done = subprocess.run(
        [sys.executable, str(tmp_path / "program.py")], env=told, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "1 2 3\n"), done.stderr
