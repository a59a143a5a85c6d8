"""Neural network pieces: rotary positions, similarity bias, attention."""
