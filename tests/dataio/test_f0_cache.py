"""The f0 cache: what is tracked when, what is read, what is refused."""

import json
import os
import pickle
import shutil

import pytest
import soundfile
import torch

from speechbrain_pitchrope.dataio import f0_building
from speechbrain_pitchrope.dataio.f0_building import build_f0_cache
from speechbrain_pitchrope.dataio.f0_cache import F0Cache, probe
from speechbrain_pitchrope.lobes.features import PitchFbank
from speechbrain_pitchrope.processing.pitch import AutocorrelationPitch, World
from tests.signals import batch_of, utterance


class Counting(torch.nn.Module):
    """DIO, and how many recordings it was given."""

    def __init__(self, **settings):
        super().__init__()
        self.tracker, self._tracked = World("dio", **settings), []
        for name in ("sample_rate", "hop_length", "f0_min", "f0_max"):
            setattr(self, name, getattr(self.tracker, name))

    def forward(self, wavs):
        self._tracked += [len(wavs[0])] * (not torch.equal(wavs, probe()))
        return self.tracker(wavs)

    def take_count(self):
        """Recordings since the last call."""
        count, self._tracked = len(self._tracked), []
        return count


@pytest.fixture
def recordings(tmp_path):
    """{utterance: path} of five recordings, two of them in a folder."""
    paths = {f"u{i}": tmp_path / f"audio/{i % 2}/u{i}.wav" for i in range(5)}
    for i, path in enumerate(paths.values()):
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, samples(i).numpy(), 16000)
    return paths


def samples(i):
    """What recording i holds, as 16 bits keep it."""
    wav = utterance(110.0 + 30 * i, 0.5 + 0.1 * i, seed=i)
    return (wav * 32768).round().clamp(-32768, 32767) / 32768


def assert_current(folder, recordings, tracker):
    """Every contour of the cache is what the tracker says now, but for rounding."""
    cache = F0Cache(folder, tracker)
    for key, path in recordings.items():
        wav = torch.from_numpy(soundfile.read(path, dtype="float32")[0])
        expected, expected_voicing = (row[0] for row in tracker(wav[None]))
        f0_hz, voicing = cache.read(key, len(wav))
        torch.testing.assert_close(f0_hz, expected, rtol=1e-4, atol=0)
        torch.testing.assert_close(voicing, expected_voicing, rtol=0, atol=0.002)


@pytest.mark.parametrize(
    "tracker, workers",
    [(AutocorrelationPitch(), 1), (World("dio"), 3), (World("harvest"), 2)],
    ids=["autocorrelation", "dio", "harvest"],
)
def test_the_cache_says_what_the_tracker_says(recordings, tmp_path, tracker, workers):
    recordings = dict(list(recordings.items())[: workers + 1])
    threads = torch.get_num_threads()
    build_f0_cache(tmp_path / "f0", recordings, tracker, workers=workers)
    assert torch.get_num_threads() == threads
    assert len(F0Cache(tmp_path / "f0")) == len(recordings)
    assert_current(tmp_path / "f0", recordings, tracker)


def test_each_recording_is_tracked_once(recordings, tmp_path):
    tracker, folder = Counting(), tmp_path / "f0"
    some = dict(list(recordings.items())[:3])
    build_f0_cache(folder, some, tracker)
    assert tracker.take_count() == 3
    build_f0_cache(folder, recordings, tracker)
    assert tracker.take_count() == 2
    build_f0_cache(folder, some, tracker, check_audio="full")
    assert tracker.take_count() == 0
    assert_current(folder, recordings, tracker)  # others are kept


@pytest.mark.parametrize("seconds_per_shard", [0.0, 60.0])
def test_a_build_goes_on_where_it_stopped(
    recordings, tmp_path, monkeypatch, seconds_per_shard
):
    monkeypatch.setattr(f0_building, "SECONDS_PER_SHARD", seconds_per_shard)
    tracker, folder, seen = Counting(), tmp_path / "f0", []

    class Stopped(Exception):
        """An interruption."""

    def read(path):
        if len(seen) == 3:
            raise Stopped
        seen.append(path)
        return torch.from_numpy(soundfile.read(path, dtype="float32")[0])

    with pytest.raises(Stopped):
        build_f0_cache(folder, recordings, tracker, read, workers=1)
    assert tracker.take_count() == len(F0Cache(folder)) == 3
    assert not list(folder.glob("*.part"))
    build_f0_cache(folder, recordings, tracker)
    assert tracker.take_count() == 2
    assert_current(folder, recordings, tracker)


@pytest.mark.parametrize("check_audio", ["changed", "full"])
def test_only_changed_audio_is_tracked_again(recordings, tmp_path, check_audio):
    tracker, folder = Counting(), tmp_path / "f0"
    build_f0_cache(folder, recordings, tracker)
    tracker.take_count()
    changed = samples(4).flip(0)  # of the same length
    soundfile.write(recordings["u4"], changed.numpy(), 16000)
    os.utime(recordings["u1"])  # copied, say: another time, the same content
    build_f0_cache(folder, recordings, tracker, check_audio=check_audio)
    assert tracker.take_count() == 1
    build_f0_cache(folder, recordings, tracker)
    assert tracker.take_count() == 0
    assert_current(folder, recordings, tracker)


def test_a_full_check_sees_what_size_and_time_hide(recordings, tmp_path):
    tracker, folder = Counting(), tmp_path / "f0"
    build_f0_cache(folder, recordings, tracker)
    stat = recordings["u4"].stat()
    soundfile.write(recordings["u4"], samples(4).flip(0).numpy(), 16000)
    os.utime(recordings["u4"], ns=(stat.st_atime_ns, stat.st_mtime_ns))
    tracker.take_count()
    build_f0_cache(folder, recordings, tracker)
    assert tracker.take_count() == 0
    build_f0_cache(folder, recordings, tracker, check_audio="full")
    assert tracker.take_count() == 1
    assert_current(folder, recordings, tracker)


def test_a_corpus_may_move(recordings, tmp_path):
    tracker = Counting()
    build_f0_cache(tmp_path / "f0", recordings, tracker)
    tracker.take_count()
    shutil.copytree(tmp_path / "audio", tmp_path / "elsewhere")
    moved = {
        key: tmp_path / "elsewhere" / path.relative_to(tmp_path / "audio")
        for key, path in recordings.items()
    }
    build_f0_cache(tmp_path / "f0", moved, tracker)
    assert tracker.take_count() == 0


def test_a_damaged_shard_is_named_and_only_it_is_tracked_again(
    recordings, tmp_path, monkeypatch
):
    monkeypatch.setattr(f0_building, "UTTERANCES_PER_SHARD", 2)
    tracker, folder = Counting(), tmp_path / "f0"
    build_f0_cache(folder, recordings, tracker, workers=1)
    cache = F0Cache(folder, tracker)
    name = cache._places["u0"][0]
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=rf"{name} is damaged .*build the cache again"):
        cache.read("u0", len(samples(0)))
    with pytest.raises(ValueError, match=rf"{name} is damaged"):
        F0Cache(folder, tracker)
    tracker.take_count()
    build_f0_cache(folder, recordings, tracker)
    assert tracker.take_count() == 2
    assert_current(folder, recordings, tracker)


def test_missing_utterances_and_changed_audio_are_named(recordings, tmp_path):
    build_f0_cache(tmp_path / "f0", recordings, Counting())
    cache = F0Cache(tmp_path / "f0")
    with pytest.raises(ValueError, match="f0 has 5 utterances, and not u9: build it"):
        cache.read("u9", 8000)
    assert "u9" not in cache
    assert "u0" in cache
    with pytest.raises(ValueError, match="u0 has 9000 samples, and had 8000 when its"):
        cache.read("u0", 9000)
    with pytest.raises(ValueError, match="audio holds no f0 cache: build it first"):
        F0Cache(tmp_path / "audio")


@pytest.mark.parametrize(
    "other, message",
    [
        (Counting(f0_max=400.0), "f0_max is 500.0 there and 400.0 here"),
        (World("dio"), "it is of .*Counting, this is .*World"),
    ],
)
def test_another_tracker_is_refused(recordings, tmp_path, other, message):
    folder = tmp_path / "f0"
    build_f0_cache(folder, recordings, Counting())
    with pytest.raises(ValueError, match=message):
        F0Cache(folder, other)
    with pytest.raises(ValueError, match="Choose another folder, or remove this one"):
        build_f0_cache(folder, recordings, other)
    assert_current(folder, recordings, Counting())


def test_a_tracker_that_hears_differently_is_refused(recordings, tmp_path, monkeypatch):
    tracker, folder = AutocorrelationPitch(), tmp_path / "f0"
    build_f0_cache(folder, recordings, tracker)
    monkeypatch.setattr("speechbrain_pitchrope.processing.pitch.VOICING_SLOPE", 5.0)
    with pytest.raises(ValueError, match="of a test signal do not: the tracker itself"):
        F0Cache(folder, tracker)


def test_threads_make_no_other_tracker(recordings, tmp_path):
    build_f0_cache(tmp_path / "f0", recordings, World("dio", n_threads=1))
    assert len(F0Cache(tmp_path / "f0", World("dio", n_threads=2))) == 5


def test_contours_without_their_tracker_are_refused(recordings, tmp_path):
    tracker, folder = Counting(), tmp_path / "f0"
    build_f0_cache(folder, recordings, tracker)
    (folder / "tracker.json").unlink()
    with pytest.raises(ValueError, match=r"no tracker\.json that tells which"):
        build_f0_cache(folder, recordings, tracker)


@pytest.mark.parametrize("text", ["", '{"class": ', "{}", "[]", '{"class": "x"}'])
def test_a_damaged_mark_is_named(recordings, tmp_path, text):
    folder = tmp_path / "f0"
    build_f0_cache(folder, recordings, AutocorrelationPitch())
    (folder / "tracker.json").write_text(text)
    with pytest.raises(ValueError, match=r"tracker\.json is damaged .*remove .*f0 to"):
        build_f0_cache(folder, recordings, AutocorrelationPitch())


def test_a_file_is_no_folder_of_a_cache(recordings, tmp_path):
    (tmp_path / "f0").touch()
    with pytest.raises(ValueError, match="f0 is a file: expected the folder"):
        build_f0_cache(tmp_path / "f0", recordings, AutocorrelationPitch())


def test_bad_recordings_stop_none_of_the_others(recordings, tmp_path):
    soundfile.write(recordings["u1"], samples(1).numpy(), 8000)
    soundfile.write(recordings["u2"], samples(2)[:, None].repeat(1, 2).numpy(), 16000)
    recordings["u3"].write_bytes(b"no audio")
    tracker, folder = Counting(), tmp_path / "f0"
    with pytest.raises(ValueError, match="3 of 5 recordings can't be tracked") as error:
        build_f0_cache(folder, recordings, tracker)
    lines = sorted(str(error.value).splitlines()[1:])
    assert [line.split(":")[0].strip() for line in lines] == ["u1", "u2", "u3"]
    assert "u1.wav has 8000 Hz, expected the tracker's 16000 Hz" in lines[0]
    assert "expected mono" in lines[1]
    assert len(F0Cache(folder)) == tracker.take_count() == 2


class Contours(torch.utils.data.Dataset):
    """Each utterance's f0, from the cache."""

    def __init__(self, cache):
        self.cache = cache

    def __len__(self):
        return len(self.cache)

    def __getitem__(self, i):
        if i >= len(self):
            raise IndexError
        return self.cache.read(f"u{i}", len(samples(i)))[0]


def test_loader_workers_share_a_cache(recordings, tmp_path):
    build_f0_cache(tmp_path / "f0", recordings, Counting())
    contours = Contours(F0Cache(tmp_path / "f0"))
    options = {"batch_size": None, "num_workers": 2, "multiprocessing_context": "fork"}
    forked = list(torch.utils.data.DataLoader(contours, **options))
    spawned = list(pickle.loads(pickle.dumps(contours)))  # as a spawned worker gets it
    for i in range(5):
        assert torch.equal(forked[i], contours[i])
        assert torch.equal(spawned[i], contours[i])


def test_settings_are_plain_json(recordings, tmp_path):
    build_f0_cache(tmp_path / "f0", recordings, World("dio"))
    found = json.loads((tmp_path / "f0/tracker.json").read_text())
    assert found["class"] == "speechbrain_pitchrope.processing.pitch.World"
    expected = {"method": "dio", "sample_rate": 16000, "hop_length": 160}
    assert found["settings"].items() >= expected.items()
    assert "n_threads" not in found["settings"]


def test_features_of_cached_and_tracked_pitch_agree(recordings, tmp_path):
    tracker = AutocorrelationPitch()
    build_f0_cache(tmp_path / "f0", recordings, tracker)
    cache = F0Cache(tmp_path / "f0", tracker)
    compute_features = PitchFbank(n_mels=80, pitch_tracker=tracker)
    waves = [samples(i) for i in range(5)]
    contours = [cache.read(f"u{i}", len(wave)) for i, wave in enumerate(waves)]
    f0_hz, voicing = (batch_of(*rows)[0] for rows in zip(*contours, strict=True))
    wavs, _ = batch_of(*waves)
    cached = compute_features(wavs, f0_hz=f0_hz, voicing=voicing)
    tracked = compute_features(wavs)
    assert torch.equal(cached[..., :80], tracked[..., :80])
    for i, wave in enumerate(waves):
        # A window over the end of a recording hears the padding when it is tracked.
        n_frames = len(wave) // 160
        torch.testing.assert_close(
            *(features[i, :n_frames, 80:] for features in (cached, tracked)),
            **dict(atol=0.003, rtol=0),
        )
        past_the_end = n_frames + 3
        assert torch.equal(cached[i, past_the_end:], tracked[i, past_the_end:])
        assert not cached[i, past_the_end:, 80:].any()
