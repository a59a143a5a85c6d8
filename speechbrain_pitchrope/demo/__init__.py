"""The demo corpus: sentences of a grammar, spoken by espeak-ng in many voices."""
