"""A recipe's yaml with our classes: what to swap, why not, and whether it runs."""
