"""Rows of a batch through layers and searches, free of padding."""

import math

import pytest
import torch
from speechbrain.decoders import ctc_greedy_decode

from speechbrain_pitchrope.runs.rowwise import RowwiseSearch, RowwiseSequential


class Frames(torch.nn.Module):
    """Frames of ten samples, the last one filled up, that see all of their row."""

    def forward(self, wavs):
        n_frames = math.ceil(wavs.shape[1] / 10)
        wavs = wavs + wavs.mean(1, keepdim=True)
        padded = torch.nn.functional.pad(wavs, (0, 10 * n_frames - wavs.shape[1]))
        return padded.unflatten(1, (n_frames, 10))


class Lengths(torch.nn.Module):
    """Notes the lengths that it is told."""

    def forward(self, x, wav_lens=None):
        self.seen = wav_lens.tolist()
        return x


def rows(*lengths):
    """A batch of noise, its relative lengths, and its rows without padding."""
    wavs = torch.randn(len(lengths), max(lengths))
    for row, length in zip(wavs, lengths, strict=True):
        row[length:] = 0
    alone = [wav[None, :n] for wav, n in zip(wavs, lengths, strict=True)]
    return wavs, torch.tensor(lengths) / max(lengths), alone


@pytest.mark.parametrize("lengths", [(95, 32, 95, 7), (101,), (20, 20)])
def test_each_row_is_as_if_alone(lengths):
    wavs, relative, alone = rows(*lengths)
    net = RowwiseSequential(frames=Frames(), lengths=Lengths())
    found = net(wavs, relative)
    assert found.shape[1] == math.ceil(max(lengths) / 10)
    for row, wav in zip(found, alone, strict=True):
        expected = Frames()(wav)[0]
        assert torch.equal(row[: len(expected)], expected)
        assert not row[len(expected) :].any()
    assert net.lengths.seen[0] == 1.0


def test_rows_of_one_length_go_together():
    calls = []
    wavs, relative, _ = rows(30, 20, 30, 20, 30)
    net = RowwiseSequential(frames=Frames())
    net.frames.register_forward_hook(lambda _, args, __: calls.append(len(args[0])))
    net(wavs, relative)
    assert sorted(calls) == [2, 3]


def test_lengths_are_exact_for_minutes_of_audio():
    """Relative lengths in single precision still tell each sample."""
    n_samples = [3_840_001, 3_840_000, 3_839_999, 2_876_543]  # four minutes
    wavs, seen = torch.ones(4, n_samples[0]), []
    net = RowwiseSequential(frames=torch.nn.AvgPool1d(1000))
    net.frames.register_forward_hook(lambda _, args, __: seen.append(args[0].shape[1]))
    net(wavs, torch.tensor(n_samples) / n_samples[0])
    assert sorted(seen, reverse=True) == n_samples


@pytest.mark.parametrize("blank_index", [0, 3])
def test_blank_padding_makes_rounding_harmless(blank_index):
    """Searches round lengths down; no frame is lost, and no token comes of padding."""
    for seed in range(20):
        torch.manual_seed(seed)
        lengths = torch.randint(10, 300, (5,)).tolist()
        wavs, relative, alone = rows(*lengths)
        net = RowwiseSequential(blank_index, frames=Frames())
        found = net(wavs, relative)
        n_frames = (found.shape[1] * relative).int().tolist()
        texts = ctc_greedy_decode(found, relative, blank_id=blank_index)
        for wav, n, row, text in zip(alone, n_frames, found, texts, strict=True):
            frames = Frames()(wav)
            assert n >= frames.shape[1]
            assert torch.equal(row[: frames.shape[1]], frames[0])
            assert [text] == ctc_greedy_decode(frames, torch.ones(1), blank_index)


def test_one_row_has_no_padding():
    wavs, relative, _ = rows(57)
    assert RowwiseSequential(0, frames=Frames())(wavs, relative).shape[1] == 6


def test_the_search_sees_rows_without_padding():
    lengths = (40, 12, 33)
    wavs, relative, alone = rows(*lengths)
    seen = []

    def search(states, wav_len):
        seen.append(states)
        length, score = torch.tensor([len(seen)]), torch.tensor([-float(len(seen))])
        return [[len(seen)] * len(seen)], length, score, torch.ones(1, len(seen))

    states = RowwiseSequential(frames=Frames())(wavs, relative)
    hyps, n_tokens, scores, log_probs = RowwiseSearch(search)(states, relative)
    for found, wav in zip(seen, alone, strict=True):
        assert torch.equal(found, Frames()(wav))
    assert hyps == [[1], [2, 2], [3, 3, 3]]
    assert n_tokens.tolist() == [1, 2, 3]
    assert scores.tolist() == [-1.0, -2.0, -3.0]
    assert log_probs.sum(1).tolist() == [1.0, 2.0, 3.0]
