"""Transformers whose rotary attention takes pitch into account."""
