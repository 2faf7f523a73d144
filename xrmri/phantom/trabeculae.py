"""The fine struts of spongy bone on a radiograph."""

import numpy as np

from xrmri.phantom.anatomy import Participant, stream
from xrmri.phantom.exposure import Exposure
from xrmri.phantom.sdf import Field
from xrmri.phantom.texture import refine, smooth_noise

_STRENGTH = 0.012  # of the contrast of the film


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
    size = (704, 896)
    struts = smooth_noise(generator, size, (5.0 * fine, 0.8 * fine))
    cross = smooth_noise(generator, size, (0.9 * fine, 2.2 * fine))
    clumps = smooth_noise(generator, size, (12.0 * fine, 3.0 * fine))
    patches = refine(smooth_noise(generator, (size[0] // 16, size[1] // 16), (1.2, 0.9)), 16)
    tile = np.float32(_STRENGTH * exposure.contrast) * (
        struts + np.float32(0.5) * cross + np.float32(0.6) * clumps + np.float32(1.1) * patches
    )
    rows, columns = core.shape
    repeats = (-(-rows // size[0]), -(-columns // size[1]))
    return core * np.tile(tile, repeats)[:rows, :columns]
