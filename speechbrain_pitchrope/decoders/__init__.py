"""Searches beside those of speechbrain.decoders."""
