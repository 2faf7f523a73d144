"""What can be added is one row: the names a person may give and the tables of what they name never drift apart."""

from typing import get_args

import pytest
from xrmri.cli.options import setting
from xrmri.data_manifests import feature_sets

from xrmri.config import BuildDataset, Config, Generate, MethodName, SamplerName, TrainLdm
from xrmri.data.features import feature_set, known_readings
from xrmri.evaluation.sources import SOURCES
from xrmri.generation.sampling import SAMPLERS
from xrmri.metrics.table import METRICS
from xrmri.models.methods import METHODS


def test_the_names_that_settings_allow_are_the_rows_of_the_tables():
    assert set(get_args(SamplerName)) == {"auto", "fitted"} | {sampler.name for sampler in SAMPLERS}
    assert get_args(MethodName) == tuple(method.name for method in METHODS)
    assert BuildDataset.choices("feature_set") == feature_sets() == ("paper", "full")


@pytest.mark.parametrize("table", [SAMPLERS, METHODS, METRICS, SOURCES])
def test_no_table_names_two_things_alike(table):
    assert len({row.name for row in table}) == len(table)


def test_every_metric_has_one_way_to_be_computed_and_the_likenesses_are_five():
    assert [metric.name for metric in METRICS if metric.likeness][:5] == [
        "psnr",
        "ssim",
        "ssim_gaussian",
        "ms_ssim",
        "rssim",
    ]


def test_every_reading_known_is_in_a_set_and_the_full_one_has_all_that_come_with_the_program():
    assert known_readings().names == feature_set("full").names and known_readings().slots == 65
    assert set(feature_set("paper").names) < set(known_readings().names)


@pytest.mark.parametrize(
    ("config", "name"),
    [(Generate, "sampler"), (Generate, "noise"), (TrainLdm, "method"), (BuildDataset, "feature_set")],
)
def test_the_help_shows_allowed_values_as_choices(config: type[Config], name):
    assert setting(config, name).metavar == "|".join(config.choices(name))
