"""A training run's output folder: its settings, its model, its package."""
