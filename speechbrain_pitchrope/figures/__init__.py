"""Figures: functions from arrays to a matplotlib Figure. Commands save them."""
