"""How one knee differs from the next: sizes, angles, muscle and fat, all in the lateral-positive knee frame.

Knee frame, mm: x lateral, y anterior, z superior; the origin is the middle of the tibial plateau. It is the same for
a right and a left knee; a left knee is mirrored only when it is put into a picture.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

_PATELLA_ALTA = 0.08
"""Share of people whose patella stands high (choice)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """Anatomy of one knee without its disease."""

    size: float
    """Scale of the bones; 1 is a plateau 76 mm wide."""
    cartilage_medial_mm: float
    """Bone-to-bone distance of the healthy medial compartment."""
    cartilage_lateral_mm: float
    """Bone-to-bone distance of the healthy lateral compartment."""
    notch_half_width_mm: float
    condyle_rounding_mm: float
    femur_valgus_degrees: float
    plateau_slope_degrees: float
    tibia_tilt_degrees: float
    spine_height_mm: float
    patella_x_mm: float
    patella_z_mm: float
    patella_size: float
    fibula_x_mm: float
    fibula_z_mm: float
    shaft_size: float
    tibia_flare: float
    """Half-width that the tibia keeps 27 mm below the joint, of the reference's."""
    dish: float
    """How hollow the plateaus are and how far the condyles curve up to the notch; 1 is average."""
    muscle: float
    """Bulk of the muscles; 1 is average."""
    fat_mm: float
    """Thickness of the fat under the skin."""
    effusion_mm: float
    """How far fluid lifts the capsule."""
    bone_seed: int
    """Names what is drawn by chance and the film shows: spines, cysts, scars of growth plates, planes of flesh."""
    texture_seed: int
    """Names what is drawn by chance and the film does not show: course of muscles and vessels, strands, mottle."""


class Body(NamedTuple):
    """What of a person acts on the shape of a knee."""

    male: bool
    age_years: int
    bmi: float
    """kg/m2."""

    def cartilage_left(self) -> float:
        """Thickness beside that at 62 years.

        Over 36 years women lose 12 % of the patella's, 21 of the femur's and 10 of the tibia's, men 6, 13 and 7
        (Hudelmaier 2001, Arthritis Rheum 44:2556): 0.4 and 0.25 % a year of the joint.
        """
        return 1 - (0.0025 if self.male else 0.004) * (self.age_years - 62)

    def muscle_bulk(self) -> float:
        """Thickness of muscle beside the average.

        Legs lose 1 % of their lean mass a year (Goodpaster 2006, J Gerontol A 61:1059), half of it in thickness; the
        heavier have more (choice).
        """
        return (1.05 if self.male else 0.97) - 0.005 * (self.age_years - 62) + 0.006 * (self.bmi - 28.5)


def draw_shape(
    generator: np.random.Generator, outline: np.random.Generator, unseen: np.random.Generator, body: Body
) -> Shape:
    """Draw the shape of a knee.

    Args:
        generator: the person's own stream.
        outline: another, of the flare and the dish.
        unseen: a third, of what neither film nor readings tell; a twin has its own.
        body: whose knee it is.

    Returns:
        the shape; reference distances are for size 1.
    """
    male, left = body.male, body.cartilage_left()
    normal = generator.normal
    patella_alta = generator.random() < _PATELLA_ALTA
    return Shape(
        size=float(np.clip(normal(1.045 if male else 0.955, 0.03), 0.85, 1.16)),
        cartilage_medial_mm=float(np.clip(left * normal(4.8, 0.5), 3.6, 6.1)),
        cartilage_lateral_mm=float(np.clip(left * normal(5.6, 0.65), 3.9, 7.7)),
        notch_half_width_mm=float(np.clip(normal(9.0, 1.6), 5.4, 13.0)),
        condyle_rounding_mm=float(np.clip(normal(9.0, 0.9), 7.0, 11.5)),
        femur_valgus_degrees=float(normal(5.5, 2.0)),
        plateau_slope_degrees=float(np.clip(normal(6.0, 2.0), 1.0, 11.0)),
        tibia_tilt_degrees=float(normal(1.5, 1.8)),
        spine_height_mm=float(np.clip(normal(8.5, 1.3), 5.5, 12.0)),
        patella_x_mm=float(normal(3.5, 2.8)),
        patella_z_mm=float(normal(28.5, 3.5) + (9.0 if patella_alta else 0.0)),
        patella_size=float(np.clip(normal(1.0, 0.09), 0.8, 1.22)),
        fibula_x_mm=float(normal(39.5, 2.2)),
        fibula_z_mm=float(normal(-21.5, 3.5)),
        shaft_size=float(np.clip(normal(1.0, 0.07), 0.82, 1.2)),
        tibia_flare=float(np.clip(outline.normal(1.0, 0.05), 0.88, 1.12)),
        dish=float(np.clip(outline.normal(1.0, 0.35), 0.2, 1.9)),
        muscle=float(np.clip(normal(body.muscle_bulk(), 0.06), 0.72, 1.3)),
        fat_mm=float(np.clip(normal(0.55 * (body.bmi - 18) + (1.5 if male else 5.0), 2.8), 1.0, 22.0)),
        effusion_mm=float(abs(unseen.normal(0.0, 0.8))),
        bone_seed=int(generator.integers(2**31)),
        texture_seed=int(unseen.integers(2**31)),
    )


def draw_sibling(generator: np.random.Generator, unseen: np.random.Generator, shape: Shape) -> Shape:
    """The other knee of the same person: nearly the same, with trabeculae of its own."""
    normal = generator.normal
    return replace(
        shape,
        size=shape.size * float(normal(1.0, 0.008)),
        cartilage_medial_mm=shape.cartilage_medial_mm * float(normal(1.0, 0.04)),
        cartilage_lateral_mm=shape.cartilage_lateral_mm * float(normal(1.0, 0.04)),
        tibia_tilt_degrees=shape.tibia_tilt_degrees + float(normal(0.0, 0.5)),
        patella_x_mm=shape.patella_x_mm + float(normal(0.0, 1.0)),
        fibula_x_mm=shape.fibula_x_mm + float(normal(0.0, 0.5)),
        effusion_mm=float(abs(unseen.normal(0.0, 0.8))),
        bone_seed=int(generator.integers(2**31)),
        texture_seed=int(unseen.integers(2**31)),
    )
