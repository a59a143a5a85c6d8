"""Trained models at work, through SpeechBrain's inference interfaces."""
