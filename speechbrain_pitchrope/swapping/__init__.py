"""Rewriting a recipe's yaml so that its attention listens to pitch, and back."""
