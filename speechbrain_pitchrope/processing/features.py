"""The four in-band channels made of f0 and loudness, and normalisation beside them.

A tracker gives f0 and voicing, the waveform gives loudness. What attention gets is
octaves above the speaker's usual f0, and decibels above the speaker's usual loudness.
Both are averages over the voiced frames of the utterance or the last 1.5 s, or fixed.

Log-pitch less its mean over 1.5 s, each frame weighted by its probability of voicing,
is the feature of P. Ghahremani et al., "A pitch extraction algorithm tuned for
automatic speech recognition", ICASSP 2014; there the window is centred on the frame,
here it ends at it, so that a stream needs no future.
"""

import math

import torch
from speechbrain.processing.features import InputNormalization, make_padding_mask

from speechbrain_pitchrope import inband
from speechbrain_pitchrope.names import AUGMENTER, FBANK
from speechbrain_pitchrope.processing.smoothing import running_mean

LEVELS = ("utterance", "window", "fixed")

PROMINENCE_DB = 12.0
"""Decibels above the level at which ``prominence`` is tanh(1) = 0.76."""

SPEECH_DB = -26.0
"""Power of voiced speech under ``level="fixed"``, in dB of full scale (ITU-T P.56)."""


def loudness_in_db(wavs, window_size, hop_length):
    """Power of each frame in dB of full scale, -inf where the signal is over.

    That is where all samples are 0 from the one before the frame's middle on, however
    much of the signal the frame's window still reaches. So a padded batch has the
    frames of its utterances. ``window_size``, in samples, is even; [B, N] becomes
    [B, N // hop_length + 1].

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
    n_frames = wavs.shape[1] // hop_length + 1
    frames = energy.unfold(1, 2 * half // block, hop_length // block)[:, :n_frames]
    last_before = padded[:, half - 1 :: hop_length][:, :n_frames]
    over = ~frames[..., half // block :].any(2) & (last_before == 0)
    power = frames.sum(2) / window_size
    decibels = 10 * torch.log10(torch.where(over, torch.ones_like(power), power))
    return decibels.masked_fill(over, -math.inf)


def window_level(values, weights, n_frames):
    """A weighted mean over each frame and the ``n_frames - 1`` before it, [B, T].

    It is 0 where these frames have no weight. A stream that is fed with
    ``n_frames - 1`` frames of its past gives the values of the whole recording.

    Example
    -------
    >>> window_level(torch.tensor([[1.0, 2.0, 6.0]]), torch.ones(1, 3), 2)
    tensor([[1.0000, 1.5000, 4.0000]])
    """
    weighted = running_mean(weights * values, n_frames)
    return _ratio(weighted, running_mean(weights, n_frames))


def _ratio(numerator, denominator):
    """numerator / denominator, and 0 where the denominator is 0, with its gradient."""
    empty = denominator == 0
    return (numerator / denominator.masked_fill(empty, 1.0)).masked_fill(empty, 0.0)


class PitchContour(torch.nn.Module):
    """Relates f0 and loudness to their levels: f0 in Hz -> in-band channels.

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
        """Relate a contour to its level: pitch channels [B, T, 4].

        Of f0 in Hz, anything where unvoiced, the probability of voicing, and loudness
        in dB, each [B, T]. Where loudness is -inf there is no signal: such a frame is
        taken for padding, and becomes four zeros.
        """
        missing = loudness_db == -math.inf
        voicing = voicing.masked_fill(missing, 0.0)
        loudness_db = loudness_db.masked_fill(missing, 0.0)
        voiced = (voicing >= inband.VOICED) & (f0_hz > 0)
        weights = voicing.detach() * voiced
        # Where there was anything voiced to take a level from.
        known = self.running_level(torch.ones_like(weights), weights, 1.0) > 0

        octaves = torch.log2(
            f0_hz.masked_fill(~voiced, inband.REFERENCE_HZ) / inband.REFERENCE_HZ
        )
        limit = inband.MAX_OCTAVES
        # A fixed level leaves to register what log_f0 cannot hold: f0 above 424 Hz.
        beyond = octaves - octaves.clamp(-limit, limit)
        register = self.running_level(octaves, weights, beyond).clamp(-limit, limit)
        decibels = loudness_db - self.running_level(loudness_db, weights, SPEECH_DB)
        prominence = torch.tanh(decibels / PROMINENCE_DB).nan_to_num()
        return inband.pack(
            inband.Pitch(
                log_f0=(octaves - register) * voiced,
                voicing=voicing,
                register=register * ~missing,
                prominence=prominence * (known & ~missing),
            )
        )

    def running_level(self, values, weights, fixed):
        """The level of ``values`` [B, T] at each frame, by this contour's policy."""
        if self.level == "utterance":
            level = _ratio((weights * values).sum(1, True), weights.sum(1, True))
            return level.expand_as(values)
        if self.level == "window":
            return window_level(values, weights, self.n_frames)
        return torch.zeros_like(values) + fixed


class PitchInputNormalization(InputNormalization):
    """SpeechBrain's InputNormalization for features with pitch channels behind them.

    The channels before pitch are normalised exactly as upstream does, with the same
    statistics in the same checkpoint file. The pitch channels are in natural units
    already, and zero must stay neutral in them: they pass through, and become zero in
    the padding.

    Arguments
    ---------
    *args, **kwargs
        As in ``speechbrain.processing.features.InputNormalization``.
    n_features : int, optional
        How many channels to normalise: all before pitch if not given. What rides
        behind them passes through.

    Example
    -------
    >>> normalize = PitchInputNormalization(norm_type="sentence")
    >>> mels, pitch = 7 + 3 * torch.randn(2, 50, 80), torch.rand(2, 50, 4)
    >>> out = normalize(torch.cat((mels, pitch), -1), torch.tensor([1.0, 0.5]))
    >>> torch.equal(out[0, :, 80:], pitch[0])
    True
    >>> out[1, 25:, 80:].any().item()
    False
    """

    def __init__(self, *args, n_features=None, **kwargs):
        super().__init__(*args, **kwargs)
        self.n_features = n_features
        self.first_batches = inband.FirstBatches(self)

    def forward(self, x, lengths=None, epoch=None):
        """Normalise the channels before pitch of x [B, T, F + 4]; else as upstream."""
        if self.first_batches.one_more():
            inband.require_range(x, type(self).__name__, (FBANK, AUGMENTER))
        mels, riders = inband.split(x, self.n_features)
        mels = super().forward(mels, lengths, epoch)
        return inband.append(mels, riders * make_padding_mask(riders, lengths))

    def _load_statistics_dict(self, state):
        """As upstream, which loads its checkpoints through this; checks start again."""
        self.first_batches.start()
        return super()._load_statistics_dict(state)

    def _update_global_stats(self, x, mask):
        """As upstream; a value that is not finite counts as the mean so far."""
        known = self.glob_mean.numel() > 0  # asking for the count would wait
        mean = self.glob_mean.to(x.device) if known else x.new_zeros(())
        super()._update_global_stats(torch.where(x.isfinite(), x, mean), mask)
