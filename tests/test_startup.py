"""The help must come at once: nothing heavy is imported for it."""

import subprocess
import sys

HEAVY = {"torch", "numpy", "pandas", "h5py", "SimpleITK", "diffusers", "accelerate", "ultralytics", "open_clip"}


def modules_after(*arguments: str) -> set[str]:
    """The modules loaded by a fresh interpreter that ran `xrmri ARGUMENTS`."""
    program = (
        "import sys; sys.argv = ['xrmri', *sys.argv[1:]]\n"
        "from xrmri.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print('\\n'.join(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


def test_help_of_the_program_and_of_every_command_loads_none_of_nine_heavy_libraries():
    commands = ["phantom", "detect-knee", "build-dataset", "train-vae", "train-ldm", "generate", "evaluate"]
    for arguments in [["--help"], *([name, "--help"] for name in commands)]:
        assert not HEAVY & modules_after(*arguments), arguments


def test_explain_prints_settings_without_loading_torch():
    assert not {"torch", "diffusers"} & modules_after("train-ldm", "--explain", "--preset", "demo")


def test_networks_of_diffusers_load_neither_torchs_compiler_nor_scipys_statistics_and_leave_both_to_others():
    program = (
        "import sys, xrmri.models.from_diffusers\n"
        "unneeded = {'torch._dynamo', 'torchvision', 'scipy.stats', 'sympy'}\n"
        "assert not unneeded & set(sys.modules), unneeded & set(sys.modules)\n"
        "import torch, scipy.stats\n"
        "assert round(scipy.stats.norm.cdf(0.0), 6) == 0.5\n"
        "assert torch.compiler.disable(len).__module__ != 'xrmri.models.from_diffusers'\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
