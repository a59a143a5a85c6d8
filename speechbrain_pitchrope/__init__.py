"""speechbrain_pitchrope: pitch-aware rotary attention for SpeechBrain.

The package mirrors SpeechBrain: each class lives where its parent lives there, under
the parent's name with ``Pitch`` before it.
"""

__version__ = "0.1.0"
