"""A script's commands in copies of one process: what reaches them, and what they leave, is as without it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
SERVED = "import sys; from tests.reproduction.served import main; sys.exit(main(sys.argv[1], sys.argv[2:], ()))"
SCRIPT = """set -u
python=$1 folder=$2
echo '{"b": 1,   "a": 2}' | "$python" -m json.tool --sort-keys > "$folder/sorted" || exit 11
cd "$folder"
printf 'import os, sys\\n' > told.py
printf 'print(sys.argv[1:], os.environ["GRADE"], len(os.environ["LONG"]), os.getcwd(), __name__)' >> told.py
LONG=$(head -c 100000 /dev/zero | tr '\\0' a) GRADE=3 "$python" -m told 'a b' '' > told
"$python" -m xrmri generate nothing.png 2> missing
echo $? > code
"$python" -m xrmri --version > version
printf 'import os, signal\\nos.kill(os.getpid(), signal.SIGKILL)\\n' > killed.py
"$python" -m killed
echo $? >> code
(exit 7)
"""
WAITING = """set -u
python=$1 folder=$2
cd "$folder"
cat > waiting.py << 'END'
import signal, sys, time
from pathlib import Path
def save(*_):
    Path(sys.argv[1] + "-saved").touch()
    sys.exit(75)
signal.signal(signal.SIGTERM, save)
Path(sys.argv[1] + "-begun").touch()
time.sleep(100)
END
trap 'wait; exit 75' TERM
for name in one two; do (trap 'exit 75' TERM; "$python" -m waiting $name) & done
wait
"""


def test_streams_arguments_folder_environment_and_exit_codes_are_those_of_a_python_of_ones_own(tmp_path):
    script = tmp_path / "script.sh"
    script.write_text(SCRIPT)
    assert subprocess.run([sys.executable, "-c", SERVED, script, tmp_path], cwd=ROOT, check=False).returncode == 7

    def said(name: str) -> str:
        return (tmp_path / name).read_text(encoding="utf-8")

    assert said("sorted").split() == ["{", '"a":', "2,", '"b":', "1", "}"]
    assert said("told") == f"['a b', ''] 3 100000 {tmp_path} __main__\n"
    assert said("version").startswith("xrmri ") and said("code").split() == ["2", "137"]
    assert "nothing.png" in said("missing") and len(said("missing").splitlines()) == 1


def test_a_signal_to_all_lets_every_copy_save_and_nothing_runs_on(tmp_path):
    script = tmp_path / "script.sh"
    script.write_text(WAITING)
    run = subprocess.Popen([sys.executable, "-c", SERVED, script, tmp_path], cwd=ROOT, start_new_session=True)
    begun = [tmp_path / "one-begun", tmp_path / "two-begun"]
    while not all(file.exists() for file in begun):
        assert run.poll() is None
        time.sleep(0.05)
    os.killpg(run.pid, signal.SIGTERM)
    assert run.wait(timeout=60) == 75
    assert all((tmp_path / f"{name}-saved").exists() for name in ("one", "two"))
