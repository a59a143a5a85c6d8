"""Augmentation of features that carry pitch."""
