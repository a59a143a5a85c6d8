"""f0 trackers: samples in, (f0 in Hz, voicing) out, at the frames of Fbank.

What they share is in ``speechbrain_pitchrope.processing.tracker``.
"""

import math
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

from speechbrain_pitchrope import inband
from speechbrain_pitchrope.processing import autocorrelation as steps
from speechbrain_pitchrope.processing import voicing as voice
from speechbrain_pitchrope.processing.smoothing import max_sum, transition_costs
from speechbrain_pitchrope.processing.tracker import PitchTracker, require_audio

WINDOW_MS = 40.0
"""Length of a frame at least; it holds 2.4 periods of f0_min."""

PERIODS = 2.4

REVISION = 4
"""Counted up when the tracker's results change."""

LOWEST_HZ, HIGHEST_HZ = 30.0, 1000.0
"""The lowest f0_min and the highest f0_max."""

GROUP_FRAMES = 4000
"""Frames tracked at a time on a CPU, as far as its caches matter."""

VOICING_SLOPE = 7.0
"""Turns the lead of the best voiced path over the unvoiced one into log-odds."""

CHUNK_FRAMES = 6000
"""Frames tracked at a time, one minute: memory stays bounded in a long recording."""


class AutocorrelationPitch(PitchTracker):
    """Batched autocorrelation tracker in pure torch: on any device, inside a recipe.

    The steps are those of ``speechbrain_pitchrope.processing.autocorrelation``
    (Boersma 1993, on a spectrum freed of noise), then max-sum smoothing over five
    candidates and "unvoiced" (after Talkin 1995). What a frame depends on is bounded:
    ``n_behind`` frames before it and ``n_ahead`` frames (100 ms) after it. So padding,
    batching, chunking and streaming leave the result as it is, and a long recording is
    tracked a minute at a time.

    Arguments
    ---------
    sample_rate : int
        Samples per second; 16000 for SpeechBrain's ASR recipes.
    hop_length : float
        Milliseconds from frame to frame.
    f0_min, f0_max : float
        Search range in Hz.
    lookahead : int
        Frames that the smoothing looks ahead, 8 for 100 ms in all at a hop of 10 ms.

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
        super().__init__(sample_rate, hop_length, f0_min, f0_max)
        if not LOWEST_HZ <= f0_min <= f0_max / 1.5 <= HIGHEST_HZ / 1.5:
            raise ValueError(
                f"f0 range is {f0_min} to {f0_max} Hz: expected {LOWEST_HZ:.0f} <= "
                f"f0_min and 1.5 f0_min <= f0_max <= {HIGHEST_HZ:.0f} Hz"
            )
        needed = 2 * max(steps.BAND_HZ[1], 2 * f0_max)
        if sample_rate < needed:
            raise ValueError(
                f"sample rate is {sample_rate} Hz: at least {needed:.0f} "
                "Hz are needed; resample the audio"
            )
        if lookahead < 0 or not 2 <= hop_length <= 20:
            raise ValueError(
                f"lookahead is {lookahead} frames, hop_length {hop_length} ms: expected"
                " 0 or more and 2 to 20"
            )
        self.lookahead = lookahead
        self.revision = REVISION  # a setting, by which caches of f0 are told apart
        window = max(WINDOW_MS, 1000 * PERIODS / f0_min)
        hops_per_frame = 2 * max(1, math.ceil(window / hop_length / 2 - 0.01))
        self.window_size = hops_per_frame * self.hop_length
        tables = steps.make_tables(
            sample_rate, self.hop_length, self.window_size, f0_min, f0_max
        )
        self.octave_limit = math.log2(1.015 * f0_max)
        lags = tables.lags
        self.range_edges = steps.range_edges(lags, f0_max)
        # The shortest lags tell nothing of a voice: there, all low sounds are alike.
        self.low_lags = voice.lags_between(lags, 1.0, 500.0)
        hum = (
            [voice.lags_between(lags, k * low, k * high) for k in voice.HUM_MULTIPLES]
            for low, high in voice.HUM_HZ
        )
        self.hum_lags = [found for found in hum if found[0].start < found[0].stop]
        for name, table in tables._asdict().items():
            self.register_buffer(name, table, persistent=False)
        bands = voice.noise_bands(len(tables.band))
        self.register_buffer("noise_bands", bands, persistent=False)
        self.voicing_network = voice.VoicingNetwork()

    def _apply(self, fn, recurse=True):
        # half() and double() leave the tables' precision as it is.
        return super()._apply(lambda x: x.to(fn(x).device), recurse)

    @property
    def tables(self):
        """The constant matrices, on the device of the last call."""
        return steps.Tables(*(getattr(self, name) for name in steps.Tables._fields))

    @property
    def n_around(self):
        """Hops that a window reaches to either side of its frame, 2 by default."""
        return self.window_size // self.hop_length // 2

    @property
    def n_behind(self):
        """Frames before its own on which a frame depends, 429 by default."""
        # Levels look back by as much as the noise floor, and need no ballast.
        history = voice.NOISE_FRAMES + voice.NOISE_LASTS - 1 + 2 * steps.BALLAST_FRAMES
        return history + voice.SMOOTH_FRAMES + self.lookahead + self.n_around + 1

    @property
    def n_ahead(self):
        """Frames after its own on which a frame depends, 10 by default."""
        return self.lookahead + self.n_around

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
        require_audio(wavs, self)
        n_frames = wavs.shape[1] // self.hop_length + 1
        chunks = [
            self.track_frames(wavs, first, min(first + CHUNK_FRAMES, n_frames))
            for first in range(0, n_frames, CHUNK_FRAMES)
        ]
        f0_hz, voicing = zip(*chunks, strict=True)
        return torch.cat(f0_hz, 1), torch.cat(voicing, 1)

    def track_frames(self, wavs, first, last):
        """What ``forward`` gives for frames first .. last - 1, [B, last - first] each.

        It looks at no samples of ``wavs`` [B, N] but those on which they depend.
        """
        start = max(0, first - self.n_behind)
        end = last - 1 + self.n_ahead
        wavs = wavs[:, start * self.hop_length : end * self.hop_length]
        f0_hz, voicing = self._track(wavs, end - start + 1)
        wanted = slice(first - start, last - start)
        return f0_hz[:, wanted], voicing[:, wanted]

    def _track(self, wavs, n_frames):
        if self.fourier.device != wavs.device:
            # Recipes keep feature extractors outside of Brain.modules.
            self.to(wavs.device)
        with torch.autocast(wavs.device.type, enabled=False):
            peaks, features, is_above = self.analyse(wavs.float(), n_frames)
            # What is not finite, in a batch that was not checked, is unvoiced.
            unvoiced = self.voicing_network(features.nan_to_num()) + 2 * is_above
            f0_hz, voicing = self.decide(peaks, unvoiced)
            return f0_hz.nan_to_num(), voicing.nan_to_num()

    def analyse(self, wavs, n_frames):
        """Candidates, the network's features, and where a voice is above the range.

        Silence follows the samples, as far as n_frames need some.
        """
        n_rows = len(wavs)
        if wavs.device.type == "cpu":
            n_rows = max(1, GROUP_FRAMES // n_frames)
        groups = [self._analyse_rows(x, n_frames) for x in wavs.split(n_rows)]
        octaves, score, features, is_above = (
            torch.cat(group, -2) for group in zip(*groups, strict=True)
        )
        return steps.Candidates(octaves, score), features, is_above

    def _analyse_rows(self, wavs, n_frames):
        tables, bands = self.tables, self.noise_bands
        power, square, energy = self.spectrum(wavs, n_frames)
        # That of an offset: 120 dB below it nothing is a voice.
        rounding = 1e-8 * square + 1e-37
        raw = steps.normalised_autocorrelation(power.detach(), tables, rounding)
        peak = raw[self.low_lags].amax(0)
        noise = voice.may_be_noise(raw, peak, self.hum_lags)
        # Windows that begin before the signal are weak and blurred.
        noise[:, : self.n_around] = False
        flat, floor = voice.subtract_noise(power, bands, noise)
        correlation = steps.normalised_autocorrelation(flat, tables, rounding)
        peaks, lead = steps.best_peaks(
            correlation, self.lags, self.range_edges, self.octave_limit
        )
        levels = voice.band_levels(power.detach(), floor, energy, tables, bands)
        features = voice.voicing_features(levels, peak, peaks)
        return *peaks, features, voice.is_above_range(lead)

    def spectrum(self, wavs, n_frames):
        """Power spectrum [n_bins, B, T], mean square and variance [B, T] of frames."""
        hop, around = self.hop_length, self.n_around
        n_hops = n_frames + 2 * around - 1
        right = (n_hops - around) * hop - wavs.shape[1]
        hops = torch.nn.functional.pad(wavs, (around * hop, right)).view(-1, hop)
        factor = self.window_size // self.fourier.shape[1]
        # Where rows touch, the filter mixes them; no window reaches there.
        decimated = steps.decimate(hops, self.decimation, factor)
        decimated = decimated.view(len(wavs), n_hops, -1)
        power = steps.power_spectrum(decimated, self.fourier)
        # Of the hop before and behind the middle of each frame.
        square, mean = (
            x.view(-1, n_hops)[:, around - 1 :].unfold(1, 2, 1).mean(2)[:, :n_frames]
            for x in (hops.detach().square().mean(1), hops.detach().mean(1))
        )
        return power, square, (square - mean.square()).clamp(min=0)

    def decide(self, peaks, unvoiced):
        """Best path through the candidates: f0 in Hz and voicing, each [B, T]."""
        scores = torch.cat((peaks.score, unvoiced[None]))
        costs = transition_costs(peaks.octaves)
        totals = max_sum(scores, costs, self.lookahead, self.lookahead)
        best, index = totals[:-1].max(0)
        voicing = torch.sigmoid(VOICING_SLOPE * (best - totals[-1]))
        octaves = peaks.octaves.gather(0, index[None])[0]
        voiced = voicing >= inband.VOICED
        return torch.exp2(octaves) * voiced, voicing


class World(PitchTracker):
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
    sample_rate, hop_length, f0_min, f0_max
        As in ``AutocorrelationPitch``.
    n_threads : int, optional
        Utterances tracked at a time; as many as the machine allows if not given.

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
        super().__init__(sample_rate, hop_length, f0_min, f0_max)
        if method not in ("dio", "harvest"):
            raise ValueError(
                f"World method {method!r} is unknown: choose one of dio, harvest"
            )
        _require_pyworld()
        self.method, self.n_threads = method, n_threads
        self.voicing_tracker = None
        if method == "harvest":
            self.revision = REVISION  # that of its voicing
            self.voicing_tracker = AutocorrelationPitch(
                sample_rate, hop_length, max(f0_min, LOWEST_HZ), min(f0_max, HIGHEST_HZ)
            )

    def forward(self, wavs):
        """As in ``AutocorrelationPitch``; the voicing of DIO is 0 or 1."""
        require_audio(wavs, self)
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
        import pyworld  # the constructor has found it

        n_frames = len(samples) // self.hop_length + 1
        padded = np.pad(samples, (0, max(0, self.sample_rate // 10 - len(samples))))
        period = 1000 * self.hop_length / self.sample_rate
        settings = dict(f0_floor=self.f0_min, f0_ceil=self.f0_max, frame_period=period)
        f0, times = getattr(pyworld, self.method)(padded, self.sample_rate, **settings)
        if self.method == "dio":
            f0 = pyworld.stonemask(padded, f0, times, self.sample_rate)
        return torch.from_numpy(np.pad(f0, (0, 1))[:n_frames]).float()


def _require_pyworld():
    """Import pyworld, or raise an error that says how to get it."""
    try:
        with warnings.catch_warnings():
            # pyworld 0.3.5 asks pkg_resources for its version, which warns.
            warnings.filterwarnings("ignore", message="pkg_resources is deprecated")
            import pyworld  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"World needs pyworld, which could not be imported ({error}): pip install "
            "'speechbrain_pitchrope[world]' or pip install pyworld-prebuilt, or use "
            "AutocorrelationPitch"
        ) from error
