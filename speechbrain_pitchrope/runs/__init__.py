"""Helpers of recipes, beside those of speechbrain.utils."""
