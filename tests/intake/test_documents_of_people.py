"""Settings and grades that people write, or damage: one line each, whatever is in them."""

import pytest

from tests.faults.refusal import refusal
from xrmri.pretrained import BUNDLED_DETECTOR

KNEE = BUNDLED_DETECTOR.parent.parent / "samples" / "knee.png"
DEEP = "[" * 100_000


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (DEEP, "is nested more than 32 deep"),
        ('{"kl": 1, "kl": 2}', "gives 'kl' twice"),
        ("3", "holds 3, not a JSON object"),
        ("", "is empty"),
        ("\xff\xfe", "is not a text file"),
        ('{"kl": 99}', "gives V00XRKL the grade 99"),
        ('{"kl": NaN}', "gives V00XRKL the grade NaN"),
        ('{"kl": 2.5}', "gives V00XRKL the grade 2.5"),
        ('{"../x": 1}', "names '../x', which is unknown"),
        (f'{{"{"a" * 100_000}": 1}}', "names 'aaaaa"),
        (f'{{"kl": 1, "{"a" * 100_000}": 1, "{"a" * 100_000}": 2}}', "gives 'aaaaa"),
        (f'{{"age": {"9" * 400}}}', "gives age as 999"),
        ('{"age": 1e999}', "gives age as Infinity: write a number of years"),
        ('{"sex": ["female"]}', 'gives sex as ["female"]: write female or male'),
        ('{"bmi": true}', "gives bmi as true"),
    ],
)
def test_grades_that_cannot_be_are_one_line(xrmri, tmp_path, content, said):
    (tmp_path / "kl.json").write_text(content, encoding="latin-1")
    ended = xrmri("generate", KNEE, "--features", tmp_path / "kl.json", "-o", tmp_path / "a.nii.gz")
    line = refusal(ended)
    assert ended.code == 2 and said in line and str(tmp_path / "kl.json") in line and len(line) < 600


def test_a_grade_that_pandas_wrote_is_taken(xrmri, tmp_path):
    (tmp_path / "kl.json").write_text('{"kl": 2.0}')
    ended = xrmri("generate", KNEE, "--features", tmp_path / "kl.json", "-o", tmp_path / "a.nii.gz", "--dry-run")
    assert ended.code == 0, ended.err


@pytest.mark.parametrize("setting", ["kl=[[[", f"kl={DEEP}", "kl=", "kl=x", "kl", f"{DEEP}=1", DEEP,
                                     f"age={'9' * 400}", f"age={DEEP}", "sex=[]"])  # fmt: skip
def test_a_grade_on_the_command_line_that_cannot_be_is_one_line(xrmri, tmp_path, setting):
    ended = xrmri("generate", KNEE, "--set", setting, "-o", tmp_path / "a.nii.gz")
    assert ended.code == 2 and "--set" in refusal(ended) and len(refusal(ended)) < 600


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.json", DEEP, "is nested more than 32 deep"),
        ("a.toml", f"x = {DEEP}", "cannot be read"),
        ("a.json", '{"command": "train-vae", "config": 3}', "the settings of train-vae are no table"),
        ("a.json", "[]", "not a JSON object"),
        ("a.toml", "train-vae = 3", "the settings of train-vae are no table"),
        ("a.toml", "channels = []", "channels must be 1 to 8 numbers"),
        ("a.toml", "channels = [100000]", "channels must be 4 to 4096"),
        ("a.toml", "norm_groups = 5", "norm_groups must divide all of channels"),
        ("a.toml", "blocks = 10000", "blocks must be 1 to 8"),
        ("a.toml", "crop = 100000", "crop must be 0 to 4096"),
        ("a.toml", "learning_rate = nan", "learning_rate must be float"),
        ("a.toml", "latent_channels = 0", "latent_channels must be 1 to 64"),
    ],
)
def test_settings_that_cannot_be_are_one_line(xrmri, tmp_path, name, content, said):
    (tmp_path / name).write_text(content)
    ended = xrmri("train-vae", tmp_path, "--config", tmp_path / name, "-o", tmp_path / "vae")
    assert ended.code == 2 and said in refusal(ended)
