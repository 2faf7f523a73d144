"""What a voxel of the knee can be made of, and how bright it is in water-excited FLASH."""

from collections.abc import Mapping
from enum import IntEnum


class Tissue(IntEnum):
    """Codes of the label map; signs of disease have codes of their own."""

    AIR = 0
    SKIN = 1
    FAT = 2
    MUSCLE = 3
    VESSEL = 4
    TENDON = 5
    LIGAMENT = 6
    CAPSULE = 7
    FLUID = 8
    CARTILAGE = 9
    MENISCUS = 10
    CORTEX = 11
    FEMUR = 12
    TIBIA = 13
    FIBULA = 14
    PATELLA = 15
    SCLEROSIS = 16
    CYST = 17
    CALCIFICATION = 18


BRIGHTNESS: Mapping[Tissue, float] = {
    Tissue.AIR: 0.0,
    Tissue.SKIN: 75.0,
    Tissue.FAT: 12.5,
    Tissue.MUSCLE: 69.0,
    Tissue.VESSEL: 122.0,
    Tissue.TENDON: 9.0,
    Tissue.LIGAMENT: 80.0,
    Tissue.CAPSULE: 75.0,
    Tissue.FLUID: 150.0,
    Tissue.CARTILAGE: 150.0,
    Tissue.MENISCUS: 38.0,
    Tissue.CORTEX: 5.0,
    Tissue.FEMUR: 13.0,
    Tissue.TIBIA: 12.0,
    Tissue.FIBULA: 12.0,
    Tissue.PATELLA: 12.0,
    Tissue.SCLEROSIS: 6.0,
    Tissue.CYST: 150.0,
    Tissue.CALCIFICATION: 8.0,
}
"""Of 255 after windowing; measured by eye on the two public knees, without shading and noise."""
