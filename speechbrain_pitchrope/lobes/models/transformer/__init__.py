"""Transformers whose rotary attention listens to pitch."""
