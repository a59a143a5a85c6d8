"""Reading and keeping data: f0 contours that are tracked once."""
