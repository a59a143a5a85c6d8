"""Feature pipelines that compute pitch beside the spectrum."""

import torch
from speechbrain.lobes.features import Fbank
from speechbrain.utils.autocast import fwd_default_precision
from speechbrain.utils.filter_analysis import FilterProperties

from speechbrain_pitchrope import inband
from speechbrain_pitchrope.processing.contour import PitchContour, loudness_in_db
from speechbrain_pitchrope.processing.pitch import AutocorrelationPitch


class PitchFbank(Fbank):
    """SpeechBrain's Fbank with four pitch channels behind the mels.

    The mels are upstream's to the last bit. Pitch is tracked on the same samples at
    the same frames, so it always fits the audio as augmented.

    Arguments
    ---------
    *args : tuple
        As of ``speechbrain.lobes.features.Fbank``.
    pitch_tracker : torch.nn.Module, optional
        Samples [B, N] -> (f0 in Hz [B, T], voicing [B, T]), with the sample rate and
        the frames of this Fbank. An ``AutocorrelationPitch`` if not given.
    pitch_level : str
        "utterance", "window" or "fixed": see
        ``speechbrain_pitchrope.processing.contour.PitchContour``.
    **kwargs : dict
        As of ``speechbrain.lobes.features.Fbank``.

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

    def __init__(self, *args, pitch_tracker=None, pitch_level="utterance", **kwargs):
        super().__init__(*args, **kwargs)
        sample_rate = self.compute_STFT.sample_rate
        self.hop_length = self.compute_STFT.hop_length
        hop_in_ms = 1000 * self.hop_length / sample_rate
        if pitch_tracker is None:
            pitch_tracker = AutocorrelationPitch(sample_rate, hop_in_ms)
        self.pitch_tracker = pitch_tracker
        self.pitch_contour = PitchContour(pitch_level, frame_rate=1000 / hop_in_ms)
        self._check_tracker(sample_rate)

    def _check_tracker(self, sample_rate):
        for name, expected in (
            ("sample_rate", sample_rate),
            ("hop_length", self.hop_length),
        ):
            found = getattr(self.pitch_tracker, name, expected)
            if found != expected:
                unit = "Hz" if name == "sample_rate" else "samples"
                raise ValueError(
                    f"{type(self.pitch_tracker).__name__} has {name} = {found} {unit}, "
                    f"PitchFbank has {expected} {unit}: give both the same in the yaml"
                )

    @fwd_default_precision(cast_inputs=torch.float32)
    def forward(self, wav):
        """Compute the features of a batch.

        Arguments
        ---------
        wav : torch.Tensor
            Samples in -1 .. 1, shape [B, N], N >= 1, zeros where padded.

        Returns
        -------
        torch.Tensor
            Mels and pitch, shape [B, N // hop_length + 1, n_mels + 4].

        Raises
        ------
        ValueError
            If the audio has several channels, no samples, or NaN or infinite samples.
        """
        self._check_audio(wav)
        mels = super().forward(wav)
        f0_hz, voicing = self.pitch_tracker(wav)
        loudness_db = loudness_in_db(
            wav, self.compute_STFT.win_length // 2 * 2, self.hop_length
        )
        return inband.append(mels, self.pitch_contour(f0_hz, voicing, loudness_db))

    def _check_audio(self, wav):
        if wav.ndim != 2:
            raise ValueError(
                f"PitchFbank found audio of shape {list(wav.shape)}, expected mono "
                "[batch, samples]: average or select the channels before it"
            )
        if wav.shape[1] == 0:
            raise ValueError(
                f"PitchFbank found audio without samples, shape {list(wav.shape)}: "
                "leave empty recordings out of the manifest"
            )
        finite = wav.isfinite().all(dim=1)
        if not finite.all():
            rows = (~finite).nonzero().flatten().tolist()
            raise ValueError(
                f"PitchFbank found NaN or infinite samples in rows {rows} of a batch "
                f"of {len(wav)}: mend the recordings or the augmentation before it"
            )

    def get_filter_properties(self):
        """Stride and window of a frame: the longer one of mel and pitch window."""
        mel = super().get_filter_properties()
        window_size = getattr(self.pitch_tracker, "window_size", mel.window_size)
        return FilterProperties(
            window_size=max(mel.window_size, window_size), stride=mel.stride
        )
