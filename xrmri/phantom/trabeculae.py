"""The fine struts of spongy bone on a radiograph."""

import numpy as np

from xrmri.phantom.anatomy import Participant, stream
from xrmri.phantom.exposure import Exposure
from xrmri.phantom.sdf import Field
from xrmri.phantom.texture import smooth_noise

_STRENGTH = 0.0042


def trabecular_pattern(participant: Participant, core: Field, exposure: Exposure) -> Field:
    """Change of the log signal by trabeculae, mostly upright.

    Args:
        participant: whose bones.
        core: (H, W) square root of the mm of spongy bone: independent struts add like noise.
        exposure: the film's settings.

    Returns:
        (H, W) float32.
    """
    generator = stream("trabeculae", participant.seed, participant.index)
    fine = 0.2 / exposure.spacing_mm
    size = (700, 900)
    struts = smooth_noise(generator, size, (7.0 * fine, 1.1 * fine))
    cross = smooth_noise(generator, size, (1.2 * fine, 3.0 * fine))
    clumps = smooth_noise(generator, size, (11.0 * fine, 4.0 * fine))
    tile = np.float32(_STRENGTH) * (struts + np.float32(0.5) * cross + np.float32(0.9) * clumps)
    rows, columns = core.shape
    repeats = (-(-rows // size[0]), -(-columns // size[1]))
    return core * np.tile(tile, repeats)[:rows, :columns]
