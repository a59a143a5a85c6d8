"""What the pitch benchmark counts, on contours whose errors are known."""

import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import pitch as benchmark
from pitch_clips import CONDITIONS, Clip, make_clips, read_clips

TIMES = np.arange(101) / 100


@pytest.fixture(name="clip")
def make_clip():
    """One second, voiced at 200 Hz from 0.2 s to 0.7 s."""
    truth = np.where((np.arange(201) >= 40) & (np.arange(201) < 140), 200.0, 0.0)
    return Clip("one", "made", np.zeros(16000, np.float32), truth)


def test_errors_are_counted_once_a_frame(clip):
    truth = clip.truth_at(TIMES)
    f0, voiced = truth.copy(), truth > 0
    counts = benchmark.score(clip, (TIMES, f0, voiced), 0.0, 0.5)
    assert (counts.frames, counts.voiced, counts.errors) == (101, 50, 0)
    assert (counts.ffe, counts.rpa) == (0.0, 100.0)
    f0[30:34] = 100.0  # an octave: gross, and outside of 50 cents
    f0[40:45] = 205.0  # 43 cents: within
    f0[50:53] = 210.0  # 84 cents: outside, not gross
    voiced[60:62] = False  # misses, whose f0 still counts for raw pitch
    voiced[90], f0[90] = True, 150.0  # a false alarm
    counts = benchmark.score(clip, (TIMES, f0, voiced), 0.0, 0.5)
    assert counts.errors == 4 + 2 + 1
    assert counts.accurate == 50 - 4 - 3


def test_a_tracker_gets_the_shift_and_the_threshold_that_suit_it(clip):
    late = clip.truth_at(TIMES - 0.02) > 0
    confidence = np.where(late, 0.2, 0.1) + 0.01 * np.sin(np.arange(101))
    found = [(TIMES, np.full(101, 200.0), confidence)]
    shift, threshold = benchmark.best_setting("any", [clip], found)
    assert shift == pytest.approx(0.02, abs=0.0051)  # to half a frame
    assert 0.105 < threshold < 0.2
    _, ours = benchmark.best_setting(benchmark.DECIDED[0], [clip], found)
    assert ours == 0.5


def test_noise_has_the_ratio_it_says_and_babble_is_of_the_other_clips():
    clips = make_clips(3)
    clip = clips[0]
    assert CONDITIONS["clean"](clip, 0, clips) is clip.wav
    for name in (name for name in CONDITIONS if name.endswith("dB")):
        snr_db = int(name.split()[-2])
        noise = CONDITIONS[name](clip, 0, clips) - clip.wav
        ratio = np.square(clip.wav).mean() / np.square(noise).mean()
        assert 10 * np.log10(ratio) == pytest.approx(snr_db, abs=0.01)
    voices = sum(clip.wav / np.sqrt(np.square(clip.wav).mean()) for clip in clips[1:])
    assert np.corrcoef(noise, voices)[0, 1] > 0.999


def test_made_clips_have_the_pitch_that_they_say():
    """Our tracker, which never saw them, agrees; voicing says how often it is right."""
    clips = make_clips(3)
    track = benchmark.TRACKERS[benchmark.DECIDED[0]]()
    _, _, found = benchmark.evaluate(benchmark.DECIDED[0], track, clips)
    assert found["clean"]["made"].ffe < 8
    assert found["clean"]["made"].rpa > 90
    _, error = benchmark.reliability(clips)
    assert error < 0.05


def test_clips_are_read(tmp_path, clip):
    with pytest.raises(ValueError, match="holds no ID"):
        read_clips(tmp_path)
    soundfile.write(tmp_path / "one.made.flac", clip.wav, 16000)
    np.savetxt(tmp_path / "one.f0.txt", clip.f0_hz)
    [read] = read_clips(tmp_path)
    assert (read.name, read.synthesis) == ("one", "made")
    np.testing.assert_array_equal(read.f0_hz, clip.f0_hz)
