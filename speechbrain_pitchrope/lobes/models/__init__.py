"""Models: front ends and transformers that carry pitch in-band."""
