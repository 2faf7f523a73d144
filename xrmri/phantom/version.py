"""Which release of the synthetic cohort this program draws: the same seed and release give the same bytes."""

RELEASE = 2
"""Counts every change of what is drawn. A test holds the bytes; `make golden` renews what it compares with."""
EARLIER = {1: "f38dc5f"}
"""The last commit that draws each earlier release."""
