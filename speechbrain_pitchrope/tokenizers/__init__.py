"""Tokens to text, beside speechbrain.tokenizers."""
