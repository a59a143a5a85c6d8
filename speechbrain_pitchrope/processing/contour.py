"""From f0 in Hz to the four in-band channels: a contour against its speaker's level.

A tracker gives f0 and voicing, the waveform gives loudness. What attention listens to
is their course: octaves above the level on which the speaker moves, and decibels above
the level on which the speaker talks. Both levels are the same kind of average, taken
over the voiced frames of the utterance, of the last 1.5 s, or fixed in advance.

Log-pitch less its mean over 1.5 s, each frame weighted by its probability of voicing,
is the feature of P. Ghahremani et al., "A pitch extraction algorithm tuned for
automatic speech recognition", ICASSP 2014; there the window is centred on the frame,
here it ends at it, so that a stream needs no future.
"""

import math

import torch

from speechbrain_pitchrope import inband

LEVELS = ("utterance", "window", "fixed")

PROMINENCE_DB = 12.0
"""Decibels above the level at which ``prominence`` is tanh(1) = 0.76."""

SPEECH_DB = -26.0
"""Power of voiced speech under ``level="fixed"``, in dB of full scale (ITU-T P.56)."""


def loudness_in_db(wavs, window_size, hop_length):
    """Power of each frame in dB of full scale, -inf where the signal is over.

    That is where all samples are 0 from the one before the frame's middle on: in the
    padding behind a recording, whose last frame is the last that is not -inf, however
    much of it the windows of the next frames still reach. So a padded batch has the
    frames of its utterances.

    Arguments
    ---------
    wavs : torch.Tensor
        Samples in -1 .. 1, shape [B, N].
    window_size : int
        Samples in a frame, centred on its middle. Even.
    hop_length : int
        Samples from frame to frame.

    Returns
    -------
    torch.Tensor
        Shape [B, N // hop_length + 1].

    Example
    -------
    >>> wavs = torch.nn.functional.pad(torch.ones(1, 1700), (0, 300))
    >>> loudness_in_db(wavs, 400, 160)[0, [0, 5, 10, 11, 12]]
    tensor([-3.0103,  0.0000, -1.2494,    -inf,    -inf])
    """
    half = window_size // 2
    # Frames overlap: squares are added up once, in blocks that all frames consist of.
    block = math.gcd(half, hop_length)
    padded = torch.nn.functional.pad(wavs, (half, half + -wavs.shape[1] % block))
    energy = padded.unflatten(1, (-1, block)).square().sum(2)

    def energy_of(blocks, n_blocks):
        pooled = torch.nn.functional.avg_pool1d(
            blocks.unsqueeze(1), n_blocks, hop_length // block
        )
        return n_blocks * pooled.squeeze(1)

    n_blocks = half // block
    before = energy_of(energy[:, :-n_blocks], n_blocks)
    after = energy_of(energy[:, n_blocks:], n_blocks)
    n_frames = wavs.shape[1] // hop_length + 1
    before, after = before[:, :n_frames], after[:, :n_frames]
    last_before = padded[:, half - 1 :: hop_length][:, :n_frames]
    over = (after == 0) & (last_before == 0)
    power = (before + after) / window_size
    decibels = 10 * torch.log10(torch.where(over, torch.ones_like(power), power))
    return decibels.masked_fill(over, -math.inf)


def utterance_level(values, weights):
    """One weighted mean for the whole utterance.

    Arguments
    ---------
    values, weights : torch.Tensor
        Shape [B, T].

    Returns
    -------
    torch.Tensor
        Shape [B, T], constant over T; 0 where the weights of an utterance are all 0.
    """
    level = _ratio((weights * values).sum(1, True), weights.sum(1, True))
    return level.expand_as(values)


def window_level(values, weights, n_frames):
    """A weighted mean over each frame and the ``n_frames - 1`` frames before it.

    Causal, and without memory beyond the window: a stream that is fed with
    ``n_frames - 1`` frames of its past gives the values of the whole recording.

    Arguments
    ---------
    values, weights : torch.Tensor
        Shape [B, T].
    n_frames : int
        Length of the window.

    Returns
    -------
    torch.Tensor
        Shape [B, T]; 0 where the window holds no weight.

    Example
    -------
    >>> window_level(torch.tensor([[1.0, 2.0, 6.0]]), torch.ones(1, 3), 2)
    tensor([[1.0000, 1.5000, 4.0000]])
    """

    def window_sum(x):
        x = torch.nn.functional.pad(x.unsqueeze(1), (n_frames - 1, 0))
        return torch.nn.functional.avg_pool1d(x, n_frames, 1).squeeze(1)

    return _ratio(window_sum(weights * values), window_sum(weights))


def _ratio(numerator, denominator):
    """numerator / denominator, and 0 where the denominator is 0, with its gradient."""
    empty = denominator == 0
    ratio = numerator / torch.where(empty, torch.ones_like(denominator), denominator)
    return ratio.masked_fill(empty, 0.0)


class PitchContour(torch.nn.Module):
    """Relates f0 and loudness to their running levels: f0 in Hz -> in-band channels.

    Arguments
    ---------
    level : str
        Over which voiced frames the level is taken. "utterance": all of them, best
        where the whole recording is there (offline). "window": those of the last
        ``window`` seconds, causal, for streaming. "fixed": 150 Hz and -26 dB of full
        scale, whoever speaks; needs no past at all, and ``log_f0`` is then octaves
        above 150 Hz. Beyond its range of 53 to 424 Hz, ``register`` has the rest.
    frame_rate : float
        Frames per second.
    window : float
        Seconds that "window" looks back.

    Example
    -------
    >>> contour = PitchContour()
    >>> f0_hz = torch.tensor([[0.0, 100.0, 200.0]])
    >>> voicing = torch.tensor([[0.0, 1.0, 1.0]])
    >>> channels = contour(f0_hz, voicing, torch.zeros(1, 3))
    >>> channels.shape
    torch.Size([1, 3, 4])
    >>> channels[0, :, 0]
    tensor([ 0.0000, -0.5000,  0.5000])
    >>> inband.f0_in_hz(channels).round()
    tensor([[  0., 100., 200.]])
    """

    def __init__(self, level="utterance", frame_rate=100.0, window=1.5):
        super().__init__()
        if level not in LEVELS:
            raise ValueError(
                f"pitch level {level!r} is unknown: choose one of {', '.join(LEVELS)}"
            )
        if window <= 0:
            raise ValueError(f"window is {window} s: give a positive length in seconds")
        self.level = level
        self.n_frames = max(1, round(window * frame_rate))

    def forward(self, f0_hz, voicing, loudness_db):
        """Relate a contour to its level.

        Arguments
        ---------
        f0_hz : torch.Tensor
            Shape [B, T]; anything where unvoiced.
        voicing : torch.Tensor
            Probability of voicing, 0 .. 1, shape [B, T].
        loudness_db : torch.Tensor
            Loudness in dB, shape [B, T], -inf for a frame without any signal. Such a
            frame is taken for padding and becomes four zeros.

        Returns
        -------
        torch.Tensor
            Pitch channels, shape [B, T, 4].
        """
        missing = loudness_db == -math.inf
        voicing = voicing.masked_fill(missing, 0.0)
        loudness_db = loudness_db.masked_fill(missing, 0.0)
        voiced = (voicing >= inband.VOICED) & (f0_hz > 0)
        weights = voicing.detach() * voiced

        octaves = torch.log2(
            torch.where(voiced, f0_hz, torch.full_like(f0_hz, inband.REFERENCE_HZ))
            / inband.REFERENCE_HZ
        )
        register = self.running_level(octaves, weights, 0.0)
        if self.level == "fixed":  # what log_f0 cannot hold: f0 above 424 Hz
            register = octaves * voiced
            register = register - register.clamp(
                -inband.MAX_OCTAVES, inband.MAX_OCTAVES
            )
        register = register.clamp(-inband.MAX_OCTAVES, inband.MAX_OCTAVES)
        decibels = loudness_db - self.running_level(loudness_db, weights, SPEECH_DB)
        heard = ~missing & self._has_level(weights)
        return inband.pack(
            inband.Pitch(
                log_f0=(octaves - register) * voiced,
                voicing=voicing,
                register=register * ~missing,
                prominence=torch.tanh(decibels / PROMINENCE_DB).nan_to_num() * heard,
            )
        )

    def running_level(self, values, weights, fixed):
        """The level of ``values`` [B, T] at each frame, by this contour's policy."""
        if self.level == "utterance":
            return utterance_level(values, weights)
        if self.level == "window":
            return window_level(values, weights, self.n_frames)
        return torch.full_like(values, fixed)

    def _has_level(self, weights):
        """Where there was anything voiced to take a level from, shape [B, T]."""
        return self.running_level(torch.ones_like(weights), weights, 1.0) > 0

    def extra_repr(self):
        """The policy, for ``print(module)``."""
        window = f", window={self.n_frames} frames" if self.level == "window" else ""
        return f"level={self.level}{window}"
