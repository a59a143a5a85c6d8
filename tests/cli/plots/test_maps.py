"""Attention maps are those of the model's own pass, tokens those of greedy CTC."""

import numpy as np
import torch
from speechbrain.decoders import ctc_greedy_decode
from speechbrain.lobes.features import Fbank

from speechbrain_pitchrope.cli.plots.hearing import hear, read_speech
from speechbrain_pitchrope.cli.plots.maps import attention_maps, greedy_tokens
from speechbrain_pitchrope.nnet.dense import attention_weights
from speechbrain_pitchrope.runs.trained import load_trained
from tests.made_runs import make_run


def test_maps_are_the_weights_with_and_without_pitch(recording, run):
    maps = attention_maps(run, recording, layers=[1, 0], heads=[1])
    assert [head.name for head in maps.heads] == ["layer 1, head 1", "layer 0, head 1"]
    wav = read_speech(recording, 16000)
    for pitch, name in ((True, "with_pitch"), (False, "without_pitch")):
        heard = hear(run, wav, pitch)
        for layer, head in zip((1, 0), maps.heads, strict=True):
            weights = attention_weights(
                run.attention[layer], heard.inputs[layer], heard.channels[layer]
            )
            np.testing.assert_array_equal(getattr(head, name), weights[0, 1])
    for head in maps.heads:
        assert not np.allclose(head.with_pitch, head.without_pitch, atol=1e-3)
        np.testing.assert_allclose(head.with_pitch.sum(1), 1, rtol=1e-5)


def test_weights_give_the_output_of_the_real_layer(recording, run):
    """In the trained encoder, weights times values is what the layer computes."""
    heard = hear(run, read_speech(recording, 16000))
    net, x, channels = run.attention[1], heard.inputs[1], heard.channels[1]
    weights = attention_weights(net, x, channels)
    with torch.no_grad():
        expected, _ = net(x, x, x, pos_embs=channels)
        value = torch.nn.functional.linear(x, net.in_proj_weight)
        value = value.unflatten(-1, (net.num_heads, -1)).chunk(3, -1)[2]
        found = net.out_proj(torch.einsum("bhmn,bnhd->bmhd", weights, value).flatten(2))
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_all_is_in_time(recording, run):
    maps = attention_maps(run, recording)
    names = [head.name for head in maps.heads]
    assert names == ["layer 1, head 0", "layer 1, head 1"]
    seconds = len(read_speech(recording, 16000)) / 16000
    n_frames = len(maps.heads[0].with_pitch)
    assert abs(n_frames * maps.frame_shift - seconds) < 2 * maps.frame_shift
    assert abs(len(maps.mels_db) * maps.mel_shift - seconds) < 2 * maps.mel_shift
    heard = hear(run, read_speech(recording, 16000))
    frames, ids = greedy_tokens(heard.p_ctc, 0)
    assert maps.tokens == [
        (frame * maps.frame_shift, run.tokenizer.id_to_piece(token))
        for frame, token in zip(frames, ids, strict=True)
    ]
    assert maps.text == run.tokenizer.decode_ids(ids)


def test_streams_beside_the_spectrogram_are_not_drawn(recording, tmp_path):
    make_run(tmp_path / "run", variant="multistream")
    maps = attention_maps(load_trained(tmp_path / "run"), recording, heads=[0])
    wav = read_speech(recording, 16000)
    expected = Fbank(sample_rate=16000, n_fft=400, n_mels=80, f_max=8000)(wav[None])
    np.testing.assert_array_equal(maps.mels_db, expected[0])


def test_greedy_tokens_are_those_of_speechbrain():
    p_ctc = torch.randn(4, 60, 5).log_softmax(-1)
    expected = ctc_greedy_decode(p_ctc, torch.ones(4), blank_id=2)
    for row, tokens in zip(p_ctc, expected, strict=True):
        frames, found = greedy_tokens(row, blank_index=2)
        assert found == tokens
        assert row[frames].argmax(-1).tolist() == tokens
