"""Features, tokens and text come chunk by chunk as they come for the whole."""

import random

import pytest
import sentencepiece
import torch
from speechbrain.decoders import ctc_greedy_decode
from speechbrain.lobes.features import Fbank, StreamingFeatureWrapper
from speechbrain.nnet.containers import LengthsCapableSequential
from speechbrain.utils.filter_analysis import stack_filter_properties

from speechbrain_pitchrope import inband
from speechbrain_pitchrope.lobes.features import PitchFbank
from speechbrain_pitchrope.lobes.models.convolution import PitchConvolutionFrontEnd
from speechbrain_pitchrope.lobes.streaming import (
    CTCGreedyStreamingContext,
    PitchStreamingFeatureWrapper,
    TextStreamingContext,
    ctc_greedy_decode_streaming,
    decode_streaming,
)
from speechbrain_pitchrope.processing.features import PitchInputNormalization
from speechbrain_pitchrope.processing.pitch import AutocorrelationPitch, World
from tests.made_runs import WORDS, make_tokenizer
from tests.reference import assert_near
from tests.signals import FRONT_END, utterance

STRIDE = 640
CHUNKS = [10240, 640, 16000, 777, 100_000]


def front_end():
    torch.manual_seed(0)
    return PitchConvolutionFrontEnd(input_shape=(8, 10, 80), **FRONT_END).eval()


def extractor(*layers, level="window"):
    module = LengthsCapableSequential(PitchFbank(n_mels=80, pitch_level=level), *layers)
    properties = stack_filter_properties(
        layer for layer in module.children() if hasattr(layer, "get_filter_properties")
    )
    return PitchStreamingFeatureWrapper(module, properties)


def streamed(net, wavs, size):
    """Frames of the recording and the silence behind it: in chunks, and at once."""
    context = net.make_streaming_context()
    wavs = torch.nn.functional.pad(wavs, (0, net.get_required_padding() + STRIDE))
    with torch.no_grad():
        outputs = [net(chunk, context) for chunk in wavs.split(size, 1)]
        found = torch.cat(outputs, 1)[:, net.get_output_count_per_pad_frame() :]
        return found, net.module(wavs)[:, : found.shape[1]]


@pytest.fixture(scope="module")
def wavs():
    """Two utterances, longer than what any frame depends on."""
    return torch.stack((utterance(130.0, 7.0), utterance(210.0, 7.0, seed=1)))


@pytest.mark.parametrize("level", ["window", "fixed"])
@pytest.mark.parametrize("size", CHUNKS)
def test_frames_of_the_encoder_are_those_of_the_whole_recording(wavs, level, size):
    net = extractor(front_end(), level=level)
    net.compute_features.compute_fbanks.top_db = 1e6  # it would look at all frames
    found, expected = streamed(net, wavs, size)
    assert found.shape[1] >= -(-(wavs.shape[1] // 160 + 1) // 4)
    # Offline the first convolution sees a mirror image, here silence.
    found[:, 0, :-4], expected[:, 0, :-4] = 0, 0
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    assert (inband.f0_in_hz(found[..., -4:]) > 0).float().mean() > 0.3


def test_mels_are_upstreams(wavs):
    """Chunk by chunk, where upstream's chunks keep to the grid as well."""
    ours = extractor()
    theirs = StreamingFeatureWrapper(
        LengthsCapableSequential(Fbank(n_mels=80)), ours.get_filter_properties()
    )
    contexts = ours.make_streaming_context(), theirs.make_streaming_context()
    for chunk in wavs.split(3200, 1):
        found, expected = ours(chunk, contexts[0]), theirs(chunk, contexts[1])
        assert torch.equal(found[..., :80], expected[:, : found.shape[1]])


@pytest.mark.parametrize("size", [10240, 3333])
def test_streams_in_turn_do_not_mix(wavs, size):
    net = extractor(front_end())
    alone = [streamed(net, wav[None], size)[0] for wav in wavs]
    contexts = [net.make_streaming_context() for _ in wavs]
    outputs = [
        [net(wav[None], context) for wav, context in zip(chunk, contexts, strict=True)]
        for chunk in wavs.split(size, 1)
    ]
    for output, expected in zip(zip(*outputs, strict=True), alone, strict=True):
        found = torch.cat(output, 1)[:, net.get_output_count_per_pad_frame() :]
        # The last chunks differ in length, and sums over frames by their rounding.
        assert_near(found, expected[:, : found.shape[1]])
    together, _ = streamed(net, wavs, size)
    assert_near(together, torch.cat(alone), 1e-5)


def test_a_stream_keeps_to_the_grid_and_a_few_seconds_however_long_it_is(wavs):
    """StreamingASR takes chunks of (properties.stride - 1) * chunk_size samples."""
    net, sizes = extractor(front_end()), []
    stride, context = net.properties.stride - 1, net.make_streaming_context()
    assert stride == net.get_filter_properties().stride == STRIDE
    for chunk in wavs.repeat(1, 4).split(16 * stride, 1)[:-1]:
        assert net(chunk, context).shape[1] == 16
        sizes.append(context.past.shape[1] / 16000)
    assert sizes[-1] == sizes[-2] < 6.5
    assert context.past.untyped_storage().nbytes() < 2 * 4 * 16000 * 7


@pytest.mark.parametrize(
    "win_length, lookahead, expected",
    [(25, 8, 3201), (25, 0, 641), (250, 8, 4000), (50, 0, 800)],
)
def test_the_window_is_the_longer_one(win_length, lookahead, expected):
    """Mel window, or what pitch looks ahead: smoothing and half its window."""
    tracker = AutocorrelationPitch(lookahead=lookahead)
    fbank = PitchFbank(win_length=win_length, n_fft=4000, pitch_tracker=tracker)
    properties = fbank.get_filter_properties()
    assert (properties.window_size, properties.stride) == (expected, 160)


def test_what_cannot_stream_is_refused():
    fixed = {"pitch_level": "fixed"}
    world = PitchFbank(**fixed, pitch_tracker=World())
    batch = PitchInputNormalization(norm_type="batch")
    for layers, message in (
        ([Fbank()], "Fbank as its first layer, expected a PitchFbank"),
        ([PitchFbank()], "pitch_level: utterance, which needs whole utterances"),
        ([world], "World as pitch_tracker, which needs whole recordings"),
        ([PitchFbank(**fixed), batch], "norm_type: batch, which needs whole"),
    ):
        properties = layers[0].get_filter_properties()
        with pytest.raises(ValueError, match=f"found {message}"):
            PitchStreamingFeatureWrapper(LengthsCapableSequential(*layers), properties)


@pytest.mark.parametrize("blank_id", [0, 2])
@pytest.mark.parametrize("size", [1, 2, 5, 100])
def test_chunks_give_the_tokens_of_the_whole(blank_id, size):
    """Few tokens, so that repeats and blanks straddle every boundary."""
    torch.manual_seed(blank_id)
    probabilities = torch.rand(8, 60, 3)
    expected = ctc_greedy_decode(probabilities, torch.ones(8), blank_id)
    context, found = CTCGreedyStreamingContext(), [[] for _ in range(8)]
    # A chunk without frames now and then.
    chunks = (x for part in probabilities.split(size, 1) for x in (part, part[:, :0]))
    for chunk in chunks:
        gained = ctc_greedy_decode_streaming(chunk, context, blank_id)
        found = [[*tokens, *more] for tokens, more in zip(found, gained, strict=True)]
    assert found == expected


@pytest.fixture(scope="module", params=["char", "unigram", "bpe"])
def tokenizer(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tokenizer")
    make_tokenizer(folder, request.param, 40)
    (path,) = folder.glob("*.model")
    return sentencepiece.SentencePieceProcessor(model_file=str(path))


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_chunks_give_the_text_of_the_whole(tokenizer, size):
    draw = random.Random(0)
    sentence = tokenizer.encode(" ".join(draw.choices(WORDS.split(), k=12)))
    noise = [draw.choice((0, *range(3, len(tokenizer)))) for _ in range(200)]
    for tokens in (sentence, noise, []):
        context = TextStreamingContext()
        chunks = [tokens[i : i + size] for i in range(0, len(tokens), size)]
        # A chunk of silence now and then.
        chunks = [chunk for some in chunks for chunk in ([], some)]
        texts = [decode_streaming(tokenizer, chunk, context) for chunk in chunks]
        assert "".join(texts) == tokenizer.decode_ids(tokens)
