"""f0 is tracked once, is what the tracker gave, and is never another recording's."""

import multiprocessing

import pytest
import torch

from speechbrain_pitchrope.dataio.pitch_cache import PitchCache, describe
from speechbrain_pitchrope.processing.pitch import AutocorrelationPitch, World
from tests.signals import utterance


def test_a_recording_is_tracked_once_and_read_bit_by_bit(tmp_path, monkeypatch):
    """At each speed that it is played at."""
    wav, faster, tracker = utterance(), utterance(seconds=1.2), AutocorrelationPitch()
    for uid, played in (("a", wav), ("a@120", faster)):
        first = PitchCache(tmp_path, tracker)(uid, wav, played)
        expected = tracker(played[None])
        with monkeypatch.context() as patch:
            patch.setattr(AutocorrelationPitch, "forward", None)
            again = PitchCache(tmp_path, tracker)(uid, wav, played)
        for one, other, row in zip(first, again, expected, strict=True):
            assert torch.equal(one, other) and torch.equal(one, row[0])
        assert not first[0].requires_grad
    assert not list(tmp_path.rglob("*.part"))


def test_each_tracker_setting_and_release_has_a_folder(monkeypatch):
    trackers = [AutocorrelationPitch(f0_max=f0_max) for f0_max in (500.0, 400.0)]
    trackers += [World("dio"), World("harvest")]
    names = {describe(tracker)[0] for tracker in trackers}
    assert len(names) == 4
    assert trackers[-1].revision == trackers[0].revision  # Harvest's voicing is ours
    monkeypatch.setattr("speechbrain_pitchrope.__version__", "99")
    assert describe(trackers[0])[0] not in names
    tracker = trackers[0].eval()  # changes nothing of what it finds
    assert describe(tracker) == describe(AutocorrelationPitch())


@pytest.mark.parametrize("part", [0.0, 0.9, "flip"])
def test_a_damaged_file_and_a_changed_recording_are_named(tmp_path, part):
    cache, wav = PitchCache(tmp_path, AutocorrelationPitch()), utterance()
    cache("a", wav)
    path = tmp_path / describe(cache.tracker)[0] / "a.npz"
    with pytest.raises(ValueError, match=f"of a has changed since.*{path}.*remove"):
        cache("a", wav + 1e-4)
    damaged = bytearray(path.read_bytes())
    if part == "flip":
        damaged[len(damaged) // 4] ^= 1  # among the values
    else:
        del damaged[int(part * len(damaged)) :]
    path.write_bytes(damaged)
    with pytest.raises(ValueError, match=f"{path} is damaged.*remove it"):
        cache("a", wav)


def test_processes_that_fill_a_folder_together_spoil_nothing(tmp_path):
    cache, wav = PitchCache(tmp_path, AutocorrelationPitch()), utterance()
    fill = [(str(n), wav) for n in range(20) for _ in range(2)]
    with multiprocessing.get_context("fork").Pool(2) as pool:
        contours = pool.starmap(cache, fill, 1)
    expected = cache.tracker(wav[None])[0][0]
    for f0_hz, _ in [*contours, *(cache(*job) for job in fill)]:
        assert torch.equal(f0_hz, expected)
    assert len(list(tmp_path.glob("*/*"))) == 21
