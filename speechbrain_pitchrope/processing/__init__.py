"""Signal processing: f0 trackers, in-band pitch channels, normalisation."""
