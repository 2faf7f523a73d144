"""The coronal MR sequences that the paper compares (Fig. 4): one row each, which readers and figures go by."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class CoronalSequence:
    """A sequence of OAI's scanners."""

    name: str
    words: frozenset[str]
    """All of which its descriptions have, in upper case."""
    title: str
    """In figures."""
    colour: str


SEQUENCES = (
    CoronalSequence(name="IW", words=frozenset({"COR", "IW"}), title="IW (COR_IW_TSE)", colour="#8a5a00"),
    CoronalSequence(
        name="T1", words=frozenset({"COR", "T1", "3D", "FLASH"}), title="T1 (COR_T1_3D_FLASH)", colour="#0b6e99"
    ),
    CoronalSequence(name="MPR", words=frozenset({"COR", "MPR"}), title="MPR (COR_MPR)", colour="#7a3e9d"),
)
"""T1 is the FLASH that the method draws."""


UNKNOWN = "unknown"
"""What a dataset calls its contrast where nobody says."""


def told_contrast(sequence: str) -> str:
    """A contrast in words that tell what is unknown, where it is."""
    return "unknown contrast" if sequence == UNKNOWN else sequence
