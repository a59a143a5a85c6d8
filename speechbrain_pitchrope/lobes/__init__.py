"""Lobes: features and models that carry pitch in-band."""
