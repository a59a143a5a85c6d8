"""Contours as they are stored: rounding, round trips, damage."""

import numpy as np
import pytest
import torch

from speechbrain_pitchrope import inband
from speechbrain_pitchrope.dataio.f0_shards import (
    Entry,
    decode,
    encode,
    read_contours,
    read_entries,
    write_shard,
)

f0_values = torch.logspace(np.log10(10.1), np.log10(19000), 20001)
voicing_values = torch.linspace(0, 1, 20001)


def test_rounding_is_below_a_cent_and_a_quarter_percent():
    f0_hz, voicing = decode(*encode(f0_values, voicing_values))
    assert (1200 * torch.log2(f0_hz / f0_values)).abs().max() < 0.11
    assert (voicing - voicing_values).abs().max() <= 0.5 / 255 + 1e-6


def test_a_second_round_changes_nothing():
    once = encode(f0_values, voicing_values)
    again = encode(*decode(*once))
    assert all(map(np.array_equal, once, again))


def test_frames_stay_voiced_or_unvoiced():
    border = torch.tensor(inband.VOICED)
    below, above = (torch.nextafter(border, torch.tensor(x)) for x in (0.0, 1.0))
    voicing = torch.stack((torch.tensor(0.0), below, border, above, torch.tensor(1.0)))
    f0_hz = torch.tensor([0.0, 0.0, 60.0, 500.0, 0.0])
    decoded_f0, decoded_voicing = decode(*encode(f0_hz, voicing))
    assert torch.equal(decoded_f0 > 0, f0_hz > 0)
    assert torch.equal(decoded_voicing >= inband.VOICED, voicing >= inband.VOICED)


@pytest.mark.parametrize(
    "f0_hz, voicing, message",
    [
        (5.0, 1.0, "an f0 of 5.0 Hz: expected 0 where unvoiced"),
        (-100.0, 1.0, "an f0 of -100.0 Hz"),
        (30000.0, 1.0, "an f0 of 30000.0 Hz"),
        (torch.nan, 1.0, "an f0 of nan Hz"),
        (100.0, 1.1, "voicing from"),
        (100.0, torch.nan, "voicing from nan"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_what_cannot_be_stored_is_refused(f0_hz, voicing, message):
    with pytest.raises(ValueError, match=message):
        encode(torch.tensor([0.0, f0_hz]), torch.tensor([0.0, voicing]))


def shard(folder):
    """A shard of utterances with 3 and 2 frames."""
    entries = [Entry("é-1", 3, 400, 9, 7, "aa"), Entry("b", 2, 200, 8, 2**62, "bb")]
    contours = [encode(f0_values[:n], voicing_values[:n]) for n in (3, 2)]
    return write_shard(folder, entries, contours), entries, contours


def test_a_shard_is_read_as_it_was_written(tmp_path):
    path, entries, contours = shard(tmp_path)
    assert read_entries(path) == entries
    for i, codes in enumerate(read_contours(path)):
        assert np.array_equal(codes, np.concatenate([c[i] for c in contours]))
    with np.load(path) as plain:  # as anyone would read it
        assert plain["id"].tolist() == ["é-1", "b"]


def test_damage_anywhere_is_noticed(tmp_path):
    path, *_ = shard(tmp_path)
    whole = path.read_bytes()
    for cut in range(0, len(whole), 37):
        path.write_bytes(whole[:cut])
        with pytest.raises(ValueError, match=r"npz is damaged \(.*build the cache"):
            read_contours(path)
    (tmp_path / "whole.npz").write_bytes(whole)
    expected, noticed = read_contours(tmp_path / "whole.npz"), 0
    for i in range(0, len(whole), 7):
        path.write_bytes(whole[:i] + bytes([whole[i] ^ 16]) + whole[i + 1 :])
        try:
            found = read_contours(path)
        except ValueError as error:
            assert "is damaged" in str(error)
            noticed += 1
        else:  # in a time stamp, or in another column
            assert all(map(np.array_equal, found, expected))
    assert noticed > 10


def test_a_shard_that_is_gone_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"gone\.npz is damaged .*No such file"):
        read_contours(tmp_path / "gone.npz")
