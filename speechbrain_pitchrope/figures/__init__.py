"""Figures: functions from arrays to a matplotlib Figure. Commands save them."""

try:
    import matplotlib  # noqa: F401
except ImportError as error:
    raise ImportError(
        "figures need matplotlib: pip install 'speechbrain_pitchrope[plots]'"
    ) from error
