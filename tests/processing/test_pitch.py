"""The trackers: accuracy on known pitch, and invariance to how audio is handed over."""

import math
import sys

import pytest
import torch
from speechbrain.lobes.features import Fbank

from speechbrain_pitchrope import inband
from speechbrain_pitchrope.processing.pitch import AutocorrelationPitch, World
from tests.signals import SAMPLE_RATE, utterance, voice


@pytest.fixture(params=["autocorrelation", "dio", "harvest"])
def tracker(request):
    own = request.param == "autocorrelation"
    return AutocorrelationPitch() if own else World(request.param)


def glide(time, octaves=1.0):
    """Up and down within two seconds; within half an octave many bins stay voiced."""
    return 150 * 2 ** (octaves / 2 * torch.sin(math.pi * time))


@pytest.mark.parametrize(
    "f0_hz", [70, 100, 150, 220, 330, 450, glide, lambda time: glide(time, 0.5)]
)
def test_f0_of_a_voice_is_found(tracker, f0_hz):
    wave = torch.nn.functional.pad(voice(f0_hz, 2.0), (4000, 4000))
    f0, voicing = tracker(wave[None])
    time = torch.arange(f0.shape[1]) / 100 - 0.25
    inside = (time > 0.05) & (time < 1.95)
    truth = f0_hz(time) if callable(f0_hz) else torch.full_like(time, f0_hz)
    cents = 1200 * torch.log2(f0[0, inside] / truth[inside])
    assert (voicing[0, inside] >= 0.5).float().mean() > 0.97
    assert (cents.abs() < 30).float().mean() > 0.97
    outside = (time < -0.05) | (time > 2.05)
    assert (voicing[0, outside] < 0.5).all()
    assert (f0[0, outside] == 0).all()


@pytest.mark.parametrize("n_samples", [1, 159, 160, 161, 1600, 15999, 16000, 16001])
def test_frames_are_fbanks_for_every_length(tracker, n_samples):
    wavs = torch.randn(2, n_samples)
    f0, voicing = tracker(wavs)
    assert f0.shape == voicing.shape == Fbank()(wavs).shape[:2]


@pytest.mark.parametrize(
    "wav",
    [
        torch.zeros(8000),
        torch.full((8000,), 0.5),
        torch.ones(8000).where(torch.arange(8000) % 80 < 40, -1.0),
        1e-30 * torch.randn(8000),
        1e4 * torch.randn(8000),
        torch.zeros(1),
        torch.eye(8000)[4000],
        torch.randn(8000).half(),
    ],
    ids="silence constant clipped faint huge one-sample click half".split(),
)
def test_any_audio_gives_finite_pitch(tracker, wav):
    f0, voicing = tracker(wav[None])
    assert f0.dtype == voicing.dtype == torch.float32
    assert ((voicing >= 0) & (voicing <= 1)).all()
    assert ((f0 == 0) | ((f0 > 55) & (f0 < 520))).all()
    assert wav.any() or not f0.any()


def test_noise_is_unvoiced(tracker):
    torch.manual_seed(0)
    _, voicing = tracker(0.1 * torch.randn(1, 2 * SAMPLE_RATE))
    assert (voicing >= 0.5).float().mean() < 0.25  # DIO finds pitch in it now and then


@pytest.mark.parametrize("mains_hz", [50, 60])
def test_mains_hum_is_not_a_voice(mains_hz):
    """Neither before anybody has spoken, nor in the pauses, and the voice is found."""
    time = torch.arange(3 * SAMPLE_RATE) / SAMPLE_RATE
    hum = sum(
        weight * torch.sin(2 * torch.pi * mains_hz * k * time + k * k)
        for k, weight in enumerate((1, 0.6, 0.4, 0.2, 0.15, 0.1), 1)
    )
    speech = torch.zeros_like(time)
    speech[SAMPLE_RATE : 2 * SAMPLE_RATE] = voice(150.0)
    # Hum 10 dB below the voice.
    hum *= 0.1**0.5 * voice(150.0).std() / hum.std()
    f0, _ = AutocorrelationPitch()((speech + hum)[None])
    assert not f0[0, :95].any()
    assert not f0[0, 220:].any()
    assert ((f0[0, 105:195] - 150).abs() < 3).all()


def assert_same_pitch(found, expected):
    """Equal to what the order of sums leaves: 1e-3 Hz, and the same frames voiced."""
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, atol=1e-3, rtol=0)
    assert torch.equal(found[0] > 0, expected[0] > 0)


@pytest.mark.parametrize("lookahead", [0, 3, 8])
@pytest.mark.parametrize("chunk_frames", [1, 37, 400])
def test_chunks_are_frames_of_the_whole(chunk_frames, lookahead):
    """Other frames than ``n_behind`` and ``n_ahead``, 120 ms at most, do not matter."""
    tracker = AutocorrelationPitch(lookahead=lookahead)
    assert 10 * tracker.n_ahead <= 120
    wave = torch.cat([utterance(f0, 2.0, i) for i, f0 in enumerate((110, 200, 160))])
    wavs = torch.stack((wave, 0.1 * wave.flip(0)))
    whole = tracker(wavs)
    n_frames = whole[0].shape[1]
    for first in range(0, n_frames, max(chunk_frames, 20)):
        last = min(first + chunk_frames, n_frames)
        chunk = tracker.track_frames(wavs, first, last)
        assert_same_pitch(chunk, [part[:, first:last] for part in whole])


def test_long_recordings_are_tracked_in_chunks(monkeypatch):
    tracker = AutocorrelationPitch()
    wave = torch.cat([utterance(f0, 2.0) for f0 in (110, 200, 160)])[None]
    whole = tracker(wave)
    lengths, analyse = [], tracker.analyse
    monkeypatch.setattr(
        tracker, "analyse", lambda x, n: lengths.append(n) or analyse(x, n)
    )
    monkeypatch.setattr("speechbrain_pitchrope.processing.pitch.CHUNK_FRAMES", 150)
    assert_same_pitch(tracker(wave), whole)
    assert len(lengths) == 5
    assert max(lengths) <= 151 + tracker.n_behind + tracker.n_ahead


@pytest.mark.parametrize("gain", [0.01, 10.0])
def test_gain_changes_nothing(gain):
    tracker, wave = AutocorrelationPitch(), utterance(150, 1.6)
    assert_same_pitch(tracker(gain * wave[None]), tracker(wave[None]))


@pytest.mark.parametrize("offset", [0.05, -0.5])
def test_an_offset_changes_nothing(offset):
    tracker, wave = AutocorrelationPitch(), utterance(150, 1.6)
    f0, voicing = tracker(wave[None])
    shifted_f0, shifted_voicing = tracker(wave[None] + offset)
    assert (f0 > 0).any()
    # Where the offset begins there is a click, and onsets within a second of it differ.
    both = (shifted_f0 > 0) & (f0 > 0)
    assert ((shifted_f0 > 0) == (f0 > 0)).float().mean() > 0.98
    torch.testing.assert_close(shifted_f0[both], f0[both], atol=0.1, rtol=0)
    assert (shifted_voicing - voicing)[:, 3:-3].abs().mean() < 0.01
    assert not tracker(torch.full_like(wave, offset)[None])[0].any()


def test_wrong_settings_are_named():
    for cls, settings, complaint in (
        (AutocorrelationPitch, {"f0_min": 20}, "expected 30 <= f0_min"),
        (AutocorrelationPitch, {"f0_min": 400}, "1.5 f0_min <= f0_max"),
        (AutocorrelationPitch, {"hop_length": 1}, "hop_length 1 ms"),
        (AutocorrelationPitch, {"hop_length": 160}, "hop_length 160 ms: .* 2 to 20"),
        (AutocorrelationPitch, {"sample_rate": 2000}, "sample rate is 2000 Hz"),
        (AutocorrelationPitch, {"lookahead": -1}, "lookahead is -1 frames"),
        (World, {"f0_min": 0}, "f0 range is 0 to 500"),
        (World, {"method": "yin"}, "World method 'yin' is unknown"),
    ):
        with pytest.raises(ValueError, match=complaint):
            cls(**settings)


def test_what_is_not_audio_is_refused(tracker):
    for wavs, complaint in (
        (torch.zeros(16000), r"shape \[16000\], expected mono"),
        (torch.zeros(2, 0), "audio without samples"),
        (torch.zeros(1, 1600).numpy(), "type ndarray, expected a torch.Tensor"),
        (torch.zeros(1, 1600, dtype=torch.int16), "torch.int16.*divide 16-bit samples"),
        (torch.tensor([[0.1] * 1600, [torch.nan] * 1600]), r"NaN .* in rows \[1\] of"),
        (torch.full((1, 1600), -torch.inf), "NaN or infinite"),
        (torch.full((1, 1600), 1e30), r"samples of up to 1e\+30 in rows \[0\]"),
    ):
        with pytest.raises(ValueError, match=complaint):
            tracker(wavs)


def test_values_are_checked_in_the_first_batches_of_training_and_always_without():
    tracker, bad = AutocorrelationPitch(), torch.full((1, 1600), torch.nan)
    for _ in range(inband.CHECKED_BATCHES):
        tracker(torch.zeros(1, 1600))
    f0, voicing = tracker(bad)
    assert not f0.any() and voicing.isfinite().all()
    with torch.no_grad(), pytest.raises(ValueError, match="NaN or infinite"):
        tracker(bad)


def share_wrong(f0, true):
    """Share of frames off by more than a fifth."""
    return ((f0 / true - 1).abs() > 0.2).float().mean()


@pytest.mark.parametrize(
    "settings, f0s_hz",
    [
        ({}, (65, 120, 440)),
        ({"sample_rate": 8000}, (65, 440)),
        ({"sample_rate": 48000}, (65, 440)),
        ({"f0_min": 30.0}, (33, 140)),
        ({"f0_min": 50.0}, (55, 140)),
        ({"f0_max": 1000.0}, (140, 520, 700, 900)),
    ],
)
def test_a_voice_without_a_pause_is_found_at_any_rate_and_range(settings, f0s_hz):
    tracker = AutocorrelationPitch(**settings)
    rate = tracker.sample_rate
    for f0_hz in f0s_hz:
        wave = voice(lambda t, f=f0_hz: f * (1 + 0.05 * torch.sin(7.5 * t)), 1.0, rate)
        f0, _ = tracker(wave[None])
        assert share_wrong(f0[0, 3:-3], f0_hz) < 0.05


@pytest.mark.parametrize("f0_hz", [90, 120, 200])
def test_a_voice_without_its_first_harmonics_is_found(f0_hz):
    """As on the telephone, with a formant on one harmonic, 14 dB above the others."""
    time = torch.arange(SAMPLE_RATE) / SAMPLE_RATE
    wave = sum(
        (5 if k == round(500 / f0_hz) else 1)
        * torch.sin(2 * torch.pi * k * f0_hz * time + k * k)
        for k in range(math.ceil(300 / f0_hz), 3400 // f0_hz)
    )
    f0, _ = AutocorrelationPitch()(0.01 * wave[None])
    assert share_wrong(f0[0, 3:-3], f0_hz) < 0.05


@pytest.mark.parametrize("decibels", [-30, -80])
def test_faint_rumble_around_a_word_is_not_a_voice(decibels):
    """Noise of 100 to 250 Hz; its largest sample is 0.3, as the voice's."""
    torch.manual_seed(0)
    wave = torch.nn.functional.pad(voice(120.0), (2 * SAMPLE_RATE, 3 * SAMPLE_RATE))
    spectrum = torch.fft.rfft(torch.randn(len(wave)))
    hertz = torch.fft.rfftfreq(len(wave), 1 / SAMPLE_RATE)
    noise = torch.fft.irfft(spectrum * ((hertz > 100) & (hertz < 250)))
    wave = wave + 10 ** (decibels / 20) * 0.3 * noise / noise.abs().max()
    f0, _ = AutocorrelationPitch()(wave[None])
    assert share_wrong(f0[0, 203:297], 120) < 0.05
    assert (f0[0, :195] > 0).float().mean() < 0.03
    assert (f0[0, 320:] > 0).float().mean() < 0.03


@pytest.mark.parametrize("f0_hz", [520, 700, 900])
def test_a_voice_above_the_range_is_unvoiced(f0_hz):
    f0, _ = AutocorrelationPitch()(voice(f0_hz)[None])
    assert (f0 > 0).float().mean() < 0.05


def test_clicks_do_not_hide_a_voice():
    wave = voice(140.0, 2.0) / 3
    wave[::8000] = 0.9
    f0, _ = AutocorrelationPitch()(wave[None])
    assert share_wrong(f0[0], 140) < 0.1


def test_missing_pyworld_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyworld", None)
    with pytest.raises(ImportError, match=r"\[world\].*AutocorrelationPitch"):
        World()
