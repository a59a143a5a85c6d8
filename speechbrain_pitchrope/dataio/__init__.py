"""Reading recordings, and f0 that is tracked once."""
