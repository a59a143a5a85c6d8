"""Feature pipelines that compute pitch beside the spectrum."""

import torch
from speechbrain.lobes.features import Fbank
from speechbrain.utils.autocast import fwd_default_precision
from speechbrain.utils.filter_analysis import FilterProperties

from speechbrain_pitchrope import inband
from speechbrain_pitchrope.lobes.models.multistream import (
    frame_samples,
    require_hop,
    samples_per_frame,
)
from speechbrain_pitchrope.processing.features import PitchContour, loudness_in_db
from speechbrain_pitchrope.processing.pitch import AutocorrelationPitch
from speechbrain_pitchrope.processing.tracker import PitchTracker, require_audio


class PitchFbank(Fbank):
    """SpeechBrain's Fbank with four pitch channels behind the mels.

    The mels are bit-equal to upstream's. Pitch is tracked on the same samples at
    the same frames, so it always fits the audio as augmented; or it is handed over,
    when it has been tracked before (``speechbrain_pitchrope.dataio.pitch_cache``).

    Arguments
    ---------
    *args, **kwargs
        As in ``speechbrain.lobes.features.Fbank``.
    pitch_tracker : torch.nn.Module, optional
        Samples [B, N] -> (f0 in Hz [B, T], voicing [B, T]), with the sample rate and
        the frames of this Fbank. An ``AutocorrelationPitch`` if not given.
    pitch_level : str
        "utterance", "window" or "fixed": see
        ``speechbrain_pitchrope.processing.features.PitchContour``.
    streams : sequence of str
        The model's streams (``speechbrain_pitchrope.lobes.models.multistream``). With
        "waveform" in it, each frame's samples stand between its mels and its pitch.

    Example
    -------
    >>> compute_features = PitchFbank(n_mels=80)
    >>> wavs = torch.sin(2 * torch.pi * 200 * torch.arange(16000) / 16000)
    >>> features = compute_features(wavs.repeat(2, 1))
    >>> features.shape
    torch.Size([2, 101, 84])
    >>> inband.f0_in_hz(features[..., 80:])[0, 50].round()
    tensor(200.)
    """

    def __init__(
        self,
        *args,
        pitch_tracker=None,
        pitch_level="utterance",
        streams=("spectrogram",),
        **kwargs,
    ):
        super().__init__(*args, **kwargs)
        sample_rate = self.compute_STFT.sample_rate
        self.hop_length = self.compute_STFT.hop_length
        hop_in_ms = 1000 * self.hop_length / sample_rate
        if pitch_tracker is None:
            pitch_tracker = AutocorrelationPitch(sample_rate, hop_in_ms)
        self.pitch_tracker = pitch_tracker
        self.first_batches = inband.FirstBatches(self)
        self.pitch_contour = PitchContour(pitch_level, frame_rate=1000 / hop_in_ms)
        self._check_tracker(sample_rate)
        self.carries_waveform = samples_per_frame(streams) > 0
        if self.carries_waveform:
            require_hop(sample_rate, self.hop_length)

    def _check_tracker(self, sample_rate):
        for name, expected, unit in (
            ("sample_rate", sample_rate, "Hz"),
            ("hop_length", self.hop_length, "samples"),
        ):
            found = getattr(self.pitch_tracker, name, expected)
            if found != expected:
                raise ValueError(
                    f"{type(self.pitch_tracker).__name__} has {name} = {found} {unit}, "
                    f"PitchFbank has {expected} {unit}: give both the same in the yaml"
                )

    @fwd_default_precision(cast_inputs=torch.float32)
    def forward(self, wav, f0_hz=None, voicing=None):
        """Compute the features of a batch.

        Arguments
        ---------
        wav : torch.Tensor
            Samples in -1 .. 1, shape [B, N], N >= 1, zeros where padded. A ValueError
            says if they are none; in training, values are checked in the first batches.
        f0_hz, voicing : torch.Tensor, optional
            The pitch of these samples as a tracker gives it, shape
            [B, N // hop_length + 1], zeros where padded. Tracked here if not given.

        Returns
        -------
        torch.Tensor
            Mels and pitch, shape [B, N // hop_length + 1, n_mels + 4]; with a waveform
            stream, [B, N // 160 + 1, n_mels + 160 + 4].
        """
        tracked = f0_hz is None and voicing is None
        if not (tracked and isinstance(self.pitch_tracker, PitchTracker)):
            require_audio(wav, self)  # our trackers do it themselves
        if tracked:
            f0_hz, voicing = self.pitch_tracker(wav)
        self._check_contour(f0_hz, voicing, wav)
        features = self._mels(wav)
        if self.carries_waveform:
            samples = frame_samples(wav, features.shape[1])
            features = inband.append(features, samples)
        loudness_db = loudness_in_db(
            wav, self.compute_STFT.win_length // 2 * 2, self.hop_length
        )
        return inband.append(features, self.pitch_contour(f0_hz, voicing, loudness_db))

    def _mels(self, wav):
        """As in ``Fbank.forward``, in less time: a sum over two numbers is slow."""
        squares = self.compute_STFT(wav).square()
        fbanks = self.compute_fbanks(squares[..., 0] + squares[..., 1])
        if self.deltas:
            delta1 = self.compute_deltas(fbanks)
            delta2 = self.compute_deltas(delta1)
            fbanks = torch.cat([fbanks, delta1, delta2], dim=2)
        return self.context_window(fbanks) if self.context else fbanks

    def _check_contour(self, f0_hz, voicing, wav):
        expected = [len(wav), wav.shape[1] // self.hop_length + 1]
        for name, values in (("f0_hz", f0_hz), ("voicing", voicing)):
            found = None if values is None else list(values.shape)
            if found != expected:
                raise ValueError(
                    f"PitchFbank found {name} of shape {found} beside audio of shape "
                    f"{list(wav.shape)}, expected {expected}: give f0_hz and voicing "
                    f"of this audio, both every {self.hop_length} samples, or neither"
                )

    def get_filter_properties(self):
        """Stride and window of a frame: the longer one of mel and pitch window.

        A tracker's covers what it looks ahead; of the past it needs more, which
        ``speechbrain_pitchrope.lobes.streaming`` keeps.
        """
        mel = super().get_filter_properties()
        n_ahead = getattr(self.pitch_tracker, "n_ahead", 0)
        return FilterProperties(
            window_size=max(mel.window_size, 2 * n_ahead * self.hop_length + 1),
            stride=mel.stride,
        )
