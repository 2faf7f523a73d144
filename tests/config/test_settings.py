"""Settings: default < preset < config file < option, and nothing unknown gets in."""

import json
from dataclasses import replace

import pytest

from xrmri.config import COMMANDS, BuildDataset, DetectKnee, Evaluate, Generate, TrainLdm, TrainVae
from xrmri.config.presets import PRESETS
from xrmri.errors import InputError


def test_the_defaults_of_train_ldm_are_the_paper():
    config = TrainLdm.load()
    assert (config.learning_rate, config.batch_size, config.timesteps, config.ema_decay) == (1e-6, 64, 2000, 0.99)
    assert (config.warmup_steps, config.latent_scale, config.prediction) == (100, 0.2, "epsilon")
    assert TrainLdm.load(preset="paper") == replace(config, fits=False)


def test_an_option_wins_over_a_file_which_wins_over_a_preset_which_wins_over_the_default(tmp_path):
    file = tmp_path / "my.toml"
    file.write_text("[train-ldm]\nmax_steps = 7\nbatch_size = 5\n[train-vae]\nmax_steps = 99\n")
    config = TrainLdm.load(preset="tiny", file=file, batch_size=3)
    assert (config.batch_size, config.max_steps, config.timesteps) == (3, 7, 100)
    assert TrainLdm.load().batch_size == 64


def test_an_earlier_run_json_gives_back_its_settings(tmp_path):
    config = TrainLdm.load(preset="demo", seed=4)
    (tmp_path / "run.json").write_text(json.dumps({"command": "train-ldm", "config": config.to_dict()}))
    assert TrainLdm.load(file=tmp_path / "run.json") == config
    with pytest.raises(InputError, match="is a run of 'train-ldm', not of train-vae"):
        TrainVae.load(file=tmp_path / "run.json")


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_value_is_a_setting_and_has_a_reason(preset):
    for command, chosen in PRESETS[preset].items():
        config = COMMANDS[command].load(preset=preset)
        for name, (value, reason) in chosen.items():
            assert getattr(config, name) == value
            assert len(reason) > 10


SOURCES = ("paper", "code", "choice", "measured", "OAI")


@pytest.mark.parametrize("kind", COMMANDS.values())
def test_every_setting_has_a_meaning_that_ends_with_its_source(kind):
    for name in kind.load().to_dict():
        meaning = kind.meaning(name)
        assert meaning and (name == "seed" or any(word in meaning for word in SOURCES)), name


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"batch_size": 0}, "--batch-size must be 1 to 65536, not 0"),
        ({"bach_size": 3}, "train-ldm has no setting 'bach_size'"),
        ({"batch_size": "3"}, "batch_size must be int, not '3'"),
        ({"seed": -1}, "--seed must be at least 0, not -1"),
        ({"prediction": "x"}, "--prediction must be one of epsilon, v, not 'x'"),
        ({"preset": "papr"}, "--preset must be one of paper, zero123, demo, tiny, not 'papr'"),
    ],
)
def test_a_wrong_setting_is_refused_in_the_users_words(given, complaint):
    with pytest.raises(InputError, match=complaint.replace("(", r"\(")):
        TrainLdm.load(**given)


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        (Generate, {"num_slices": 10**9}), (Generate, {"samples": 10**9}), (Generate, {"steps": 10**9}),
        (Generate, {"noise_length_mm": 1e308}), (BuildDataset, {"size": 8 * 10**6}), (BuildDataset, {"slices": 10**9}),
        (DetectKnee, {"crop_pixels": 0}), (DetectKnee, {"crop_pixels": 10**6}), (DetectKnee, {"box_scale": 1e9}),
        (TrainLdm, {"drop_token": 5.0}), (TrainVae, {"batch_size": 10**9}), (Evaluate, {"bootstrap": 10**12}),
        (Evaluate, {"canny_sigma": 0.0}), (Evaluate, {"cases": -1}), (TrainLdm, {"radiograph_variants": 10**9}),
    ],
)  # fmt: skip
def test_what_no_machine_can_do_is_refused_by_its_limits_before_memory_is_asked_for(kind, given):
    (name,) = given
    with pytest.raises(InputError, match=name.replace("_", "[-_]") + " must be .*[0-9], not"):
        kind.load(**given)


def test_settings_survive_json():
    config = TrainLdm.load(preset="demo")
    assert TrainLdm(**{k: tuple(v) if isinstance(v, list) else v for k, v in config.to_dict().items()}) == config


def test_what_stands_above_the_tables_of_a_config_file_is_for_the_command_that_is_run(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text("shares = [0.5, 0.1, 0.4]\n[detect-knee]\nmin_score = 0.7\n", encoding="utf-8")
    assert BuildDataset.load(file=file).shares == (0.5, 0.1, 0.4)
    assert DetectKnee.load(file=file, shared=False).min_score == 0.7


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[genrate]\nsteps = 4\n", "[genrate] is no command; there are phantom, detect-knee"),
        ("[training]\nseed = 4\n", "[training] is no command"),
        ("[generate]\nsteps = true\n", "generate: steps must be int | None, not True"),
        ("[generate]\nguidance = nan\n", "generate: guidance must be float, not nan"),
        ("[generate]\npreset = [1]\n", "--preset must be one of paper, zero123, demo, tiny, not [1]"),
    ],
)
def test_a_table_of_no_command_and_a_value_of_another_type_are_refused(tmp_path, text, words):
    file = tmp_path / "mine.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as refused:
        Generate.load(file=file)
    assert words in str(refused.value)
