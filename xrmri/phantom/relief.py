"""The fine unevenness of cortical bone: it belongs to the bone, so the volume and the radiograph show the same."""

import numpy as np
from scipy.ndimage import map_coordinates

from xrmri.phantom.anatomy import stream
from xrmri.phantom.sdf import Field, Points

_CELLS = 24
_OCTAVES = ((6.3, 0.42), (2.4, 0.20))
"""Distance between bumps and their height, mm (choice, by eye): muscle origins and vessel channels, and grain."""
_REACH_MM = 2.0


def roughen(distance: Field, q: Points, share: Field, seed: int) -> Field:
    """Bumps and pits on a bone.

    Args:
        distance: (Y, Z, X) to the smooth bone, mm.
        q: its places.
        share: of the full height, that broadcasts to them: articular surfaces are smooth.
        seed: names the bumps.

    Returns:
        (Y, Z, X) distance, changed within 2 mm of the surface.
    """
    near = np.abs(distance) < np.float32(_REACH_MM)
    own = distance[near]
    places = np.stack([np.broadcast_to(axis, near.shape)[near] for axis in q])
    lattice = stream("relief", seed).standard_normal((_CELLS,) * 3, dtype=np.float32)
    height = np.zeros(len(own), dtype=np.float32)
    for step, high in _OCTAVES:
        bumps = map_coordinates(lattice, places / np.float32(step), order=1, mode="grid-wrap", output=np.float32)
        height += np.float32(high) * bumps
    height *= np.broadcast_to(share, near.shape)[near] * (1 - np.abs(own) / np.float32(_REACH_MM))
    rough = distance.copy()
    rough[near] = own + height
    return rough
