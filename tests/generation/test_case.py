"""Which noise a knee starts from."""

import numpy as np

from xrmri.generation.case import Case


def case(**source):
    return Case(crop=np.zeros((2, 2), np.uint16), width_mm=None, side="right", grades={}, source=source)


def test_each_pair_of_a_cohort_has_noise_of_its_own_and_a_radiograph_alone_the_plain_noise_of_the_seed():
    streams = [case(pair_id=name).noise_stream for name in ("9000001_V00_R", "9000002_V00_R", "9000001_V00_L")]
    assert len({*streams}) == 3 and all(0 < stream < 2**63 for stream in streams)
    assert case(pair_id="9000001_V00_R").noise_stream == streams[0]
    assert case(file="knee.png").noise_stream == 0


def test_the_stream_of_a_pair_never_changes_because_volumes_of_a_seed_must_not():
    assert case(pair_id="9000001_V00_R").noise_stream == 3893695576577521958
