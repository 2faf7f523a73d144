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
    Tissue.SKIN: 40.5,
    Tissue.FAT: 12.0,
    Tissue.MUSCLE: 69.0,
    Tissue.VESSEL: 55.0,
    Tissue.TENDON: 9.0,
    Tissue.LIGAMENT: 26.0,
    Tissue.CAPSULE: 30.0,
    Tissue.FLUID: 78.0,
    Tissue.CARTILAGE: 117.0,
    Tissue.MENISCUS: 18.0,
    Tissue.CORTEX: 2.5,
    Tissue.FEMUR: 7.5,
    Tissue.TIBIA: 7.5,
    Tissue.FIBULA: 7.5,
    Tissue.PATELLA: 7.5,
    Tissue.SCLEROSIS: 3.0,
    Tissue.CYST: 88.0,
    Tissue.CALCIFICATION: 8.0,
}
"""Of 255 after windowing; measured by eye on the two public knees, without shading and noise."""
