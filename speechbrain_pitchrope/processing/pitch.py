"""f0 trackers: samples in, (f0 in Hz, voicing) out, at the frames of Fbank.

Every tracker is a module called with ``wavs`` [B, N] that returns two tensors [B, T],
T = N // hop + 1: f0 in Hz, 0 where unvoiced, and the probability of voicing, 0 .. 1.
Frame t is centred on sample t * hop.
"""

import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

from speechbrain_pitchrope import inband
from speechbrain_pitchrope.processing import autocorrelation as steps
from speechbrain_pitchrope.processing.smoothing import max_sum, transition_costs

WINDOW_MS = 40.0
N_CANDIDATES = 5

UNVOICED_SCORE = 0.50
"""Score of the unvoiced state: an autocorrelation peak has to be higher."""

SILENCE = 0.03
"""Peak amplitude over that of the last second below which unvoiced gains score."""

LOW_SNR_DB = 10.0
LOW_SNR_COST = (0.35, 1.5)
"""Score that unvoiced gains at 0 dB above the noise floor, falling to 0 at 10 dB: the
first while the frame is as loud as anything of the last second, the second when it is
well below. So a sustained note, which is its own floor, stays voiced as long as it is
the loudest thing, and hum between words does not count as voice."""

WELL_BELOW_DB = (6.0, 12.0)
"""Between these the cost goes from the first to the second value."""

VOICING_SLOPE = 4.0
"""Turns the lead of the best voiced path over the unvoiced one into log-odds."""


class AutocorrelationPitch(torch.nn.Module):
    """Batched autocorrelation tracker in pure torch: on any device, inside a recipe.

    The steps are those of ``speechbrain_pitchrope.processing.autocorrelation``
    (Boersma 1993, on a spectrum freed of noise), then max-sum smoothing over five
    candidates and "unvoiced" (after Talkin 1995). A frame depends on at most
    ``lookahead`` frames ahead of its own window, so padding, batching and chunking
    leave the result as it is.

    Arguments
    ---------
    sample_rate : int
        Samples per second; 16000 for SpeechBrain's ASR recipes.
    hop_length : float
        Milliseconds from frame to frame.
    f0_min, f0_max : float
        Search range in Hz.
    lookahead : int
        Frames that the smoothing looks ahead, 8 for 120 ms in all at a hop of 10 ms.

    Example
    -------
    >>> tracker = AutocorrelationPitch()
    >>> seconds = torch.arange(16000) / 16000
    >>> f0_hz, voicing = tracker(torch.sin(2 * torch.pi * 220 * seconds)[None])
    >>> f0_hz.shape
    torch.Size([1, 101])
    >>> f0_hz[0, 50].round(), voicing[0, 50] > 0.5
    (tensor(220.), tensor(True))
    """

    def __init__(
        self, sample_rate=16000, hop_length=10, f0_min=60.0, f0_max=500.0, lookahead=8
    ):
        super().__init__()
        if not 0 < f0_min < f0_max <= steps.BAND_HZ[0]:
            raise ValueError(
                f"f0 range is {f0_min} to {f0_max} Hz: expected 0 < f0_min < f0_max <= "
                f"{steps.BAND_HZ[0]:.0f} Hz, the band in which harmonics are sought"
            )
        if sample_rate < 2 * steps.BAND_HZ[1]:
            raise ValueError(
                f"sample rate is {sample_rate} Hz: at least {2 * steps.BAND_HZ[1]:.0f} "
                "Hz are needed; resample the audio"
            )
        self.sample_rate = sample_rate
        self.hop_length = round(sample_rate * hop_length / 1000)
        self.f0_min, self.f0_max, self.lookahead = f0_min, f0_max, lookahead
        hops_per_frame = 2 * max(1, round(WINDOW_MS / hop_length / 2))
        self.window_size = hops_per_frame * self.hop_length
        tables = steps.make_tables(sample_rate, self.window_size, f0_min, f0_max)
        for name, table in tables._asdict().items():
            self.register_buffer(name, table, persistent=False)

    @property
    def tables(self):
        """The constant matrices, on the device of the last call."""
        return steps.Tables(*(getattr(self, name) for name in steps.Tables._fields))

    def forward(self, wavs):
        """Track a batch.

        Arguments
        ---------
        wavs : torch.Tensor
            Samples, shape [B, N], N >= 1, zeros where padded.

        Returns
        -------
        f0_hz : torch.Tensor
            Shape [B, N // hop + 1], 0 where unvoiced.
        voicing : torch.Tensor
            Probability of voicing, same shape.
        """
        if self.fourier.device != wavs.device:
            # Recipes keep feature extractors outside of Brain.modules.
            self.to(wavs.device)
        with torch.autocast(wavs.device.type, enabled=False):
            wavs = wavs.float()
            power = steps.power_spectrum(wavs, self.fourier, self.hop_length)
            power, snr_db = steps.subtract_noise(power, self.band)
            correlation = steps.normalised_autocorrelation(power, self.tables)
            peaks = steps.best_peaks(correlation, self.octaves, N_CANDIDATES)
            unvoiced = self.unvoiced_score(wavs, snr_db)
            return self.decide(peaks, unvoiced)

    def unvoiced_score(self, wavs, snr_db):
        """Score of the unvoiced state, higher in silence and in noise, shape [B, T]."""
        hop = self.hop_length
        half = self.window_size // hop // 2
        peak = torch.nn.functional.max_pool1d(
            torch.nn.functional.pad(wavs.detach().abs(), (half * hop, half * hop)),
            self.window_size,
            hop,
        )
        tiny = torch.finfo(peak.dtype).tiny
        relative = peak / (steps.running_maximum(peak, 101) + tiny)
        silence = (2 - relative * (1 + UNVOICED_SCORE) / SILENCE).clamp(min=0)
        near, far = WELL_BELOW_DB
        quietness = (-20 * torch.log10(relative + tiny) - near) / (far - near)
        cost = torch.lerp(*peak.new_tensor(LOW_SNR_COST), quietness.clamp(0, 1))
        noise = cost * (1 - snr_db / LOW_SNR_DB).clamp(0, 1)
        return UNVOICED_SCORE + silence + noise

    def decide(self, peaks, unvoiced):
        """Best path through the candidates: f0 in Hz and voicing, each [B, T]."""
        scores = torch.cat((peaks.score, unvoiced.unsqueeze(-1)), -1)
        costs = transition_costs(peaks.octaves)
        totals = max_sum(scores, costs, self.lookahead, self.lookahead)
        best, index = totals[..., :-1].max(-1)
        voicing = torch.sigmoid(VOICING_SLOPE * (best - totals[..., -1]))
        octaves = peaks.octaves.gather(-1, index.unsqueeze(-1)).squeeze(-1)
        voiced = voicing >= inband.VOICED
        return torch.exp2(octaves) * voiced, voicing

    def extra_repr(self):
        """The settings, for ``print(module)``."""
        return (
            f"sample_rate={self.sample_rate}, hop_length={self.hop_length} samples, "
            f"f0={self.f0_min:g}..{self.f0_max:g} Hz, lookahead={self.lookahead} frames"
        )


WORLD_METHODS = ("dio", "harvest")


class World(torch.nn.Module):
    """WORLD's trackers through pyworld, one thread an utterance, on the CPU.

    DIO with StoneMask (M. Morise et al., AES 35th Conference, 2009) gives f0 and a
    hard voicing. Harvest (M. Morise, Interspeech 2017) gives a good f0 but calls almost
    everything voiced; its voicing is therefore taken from ``AutocorrelationPitch``.
    Both look at the whole utterance, padding included: they are for offline use, and
    no gradient passes.

    Arguments
    ---------
    method : str
        "dio" or "harvest".
    sample_rate : int
        Samples per second.
    hop_length : float
        Milliseconds from frame to frame.
    f0_min, f0_max : float
        Search range in Hz.
    n_threads : int, optional
        Utterances tracked at a time; pyworld releases the interpreter's lock. By
        default as many as the machine allows.

    Example
    -------
    >>> tracker = World("dio")
    >>> seconds = torch.arange(16000) / 16000
    >>> f0_hz, voicing = tracker(torch.sin(2 * torch.pi * 220 * seconds)[None])
    >>> f0_hz[0, 50].round(), voicing[0, 50]
    (tensor(220.), tensor(1.))
    """

    def __init__(
        self,
        method="dio",
        sample_rate=16000,
        hop_length=10,
        f0_min=60.0,
        f0_max=500.0,
        n_threads=None,
    ):
        super().__init__()
        if method not in WORLD_METHODS:
            raise ValueError(
                f"World method {method!r} is unknown: choose one of "
                f"{', '.join(WORLD_METHODS)}"
            )
        _require_pyworld()
        self.method, self.sample_rate = method, sample_rate
        self.hop_in_ms = hop_length
        self.hop_length = round(sample_rate * hop_length / 1000)
        self.f0_min, self.f0_max, self.n_threads = f0_min, f0_max, n_threads
        self.voicing_tracker = None
        if method == "harvest":
            self.voicing_tracker = AutocorrelationPitch(
                sample_rate, hop_length, f0_min, f0_max
            )

    def forward(self, wavs):
        """Track a batch.

        Arguments
        ---------
        wavs : torch.Tensor
            Samples, shape [B, N], N >= 1, zeros where padded.

        Returns
        -------
        f0_hz : torch.Tensor
            Shape [B, N // hop + 1], 0 where unvoiced.
        voicing : torch.Tensor
            Same shape: 0 or 1 for DIO, a probability for Harvest.
        """
        samples = wavs.detach().to("cpu", torch.float64).numpy()
        with ThreadPoolExecutor(self.n_threads) as threads:
            contours = list(threads.map(self._track, samples))
        f0_hz = torch.stack(contours).to(wavs.device)
        if self.voicing_tracker is None:
            return f0_hz, (f0_hz > 0).to(f0_hz.dtype)
        _, voicing = self.voicing_tracker(wavs.detach())
        return f0_hz * (voicing >= inband.VOICED), voicing

    def _track(self, samples):
        """f0 of one utterance, float64 array [N] -> tensor [N // hop + 1]."""
        import pyworld  # found by the constructor already

        n_frames = len(samples) // self.hop_length + 1
        padded = np.pad(samples, (0, max(0, self.sample_rate // 10 - len(samples))))
        settings = {
            "f0_floor": self.f0_min,
            "f0_ceil": self.f0_max,
            "frame_period": self.hop_in_ms,
        }
        if self.method == "dio":
            f0, times = pyworld.dio(padded, self.sample_rate, **settings)
            f0 = pyworld.stonemask(padded, f0, times, self.sample_rate)
        else:
            f0, _ = pyworld.harvest(padded, self.sample_rate, **settings)
        return torch.from_numpy(f0[:n_frames]).float()


def _require_pyworld():
    """Import pyworld, or raise an error that says how to get it."""
    try:
        with warnings.catch_warnings():
            # pyworld 0.3.5 asks pkg_resources for its version, which warns.
            warnings.filterwarnings("ignore", message="pkg_resources is deprecated")
            import pyworld  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"pyworld could not be imported ({error}): pyworld 0.3.5 needs "
            "pkg_resources, which setuptools has dropped; try "
            "pip install pyworld 'setuptools<82', or use AutocorrelationPitch"
        ) from error
