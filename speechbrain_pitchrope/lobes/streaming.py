"""Recognition chunk by chunk, for ``speechbrain.inference.ASR.StreamingASR``.

    samples -> PitchStreamingFeatureWrapper -> the encoder
        -> ctc_greedy_decode_streaming -> tokens -> decode_streaming -> text

Mels need their window and no more. Pitch needs the seconds before a frame as well
(noise floor, loudness, the speaker's level) and 100 ms after it. So a stream keeps its
last seconds of samples, and pitch is tracked on them: what it gives is what the whole
recording gives.
"""

import dataclasses

import torch
from speechbrain.decoders.ctc import filter_ctc_output
from speechbrain.lobes.features import (
    StreamingFeatureWrapper,
    StreamingFeatureWrapperContext,
)

from speechbrain_pitchrope import inband
from speechbrain_pitchrope.lobes.features import PitchFbank
from speechbrain_pitchrope.processing.features import loudness_in_db


def find_obstacle(layers):
    """What keeps layers from streaming, and what to take instead; None if nothing."""
    fbank, *rest = layers
    if not isinstance(fbank, PitchFbank):
        return f"{type(fbank).__name__} as its first layer, expected a PitchFbank"
    if fbank.pitch_contour.level == "utterance":
        return (
            "pitch_level: utterance, which needs whole utterances: train and stream "
            "with pitch_level: window, or fixed"
        )
    if not hasattr(fbank.pitch_tracker, "track_frames"):
        return (
            f"{type(fbank.pitch_tracker).__name__} as pitch_tracker, which needs whole "
            "recordings: train and stream with AutocorrelationPitch"
        )
    for layer in rest:
        norm_type = getattr(layer, "norm_type", "global")
        if norm_type != "global":
            return (
                f"norm_type: {norm_type}, which needs whole utterances: train and "
                "stream with norm_type: global"
            )
    return None


@dataclasses.dataclass
class PitchStreamingFeatureContext(StreamingFeatureWrapperContext):
    """What one stream remembers: upstream's left context, and the samples for pitch.

    ``past`` [B, N] are the last samples that came in, from number ``past_start`` of the
    stream on. The left context begins at number ``position``, at first below 0.
    """

    past: torch.Tensor | None = None
    past_start: int = 0
    position: int = 0


class PitchStreamingFeatureWrapper(StreamingFeatureWrapper):
    """SpeechBrain's StreamingFeatureWrapper for features with pitch.

    Pitch is that of the whole recording. The mels are upstream's: those of the whole
    recording, but for the floor 80 dB below the loudest frame, here of the chunk. Two
    things differ from upstream's wrapper. Frames stay on one grid, whatever the size of
    the chunks: ``StreamingASR`` takes chunks of ``properties.stride - 1`` samples a
    frame, so the attribute ``properties`` has a stride that is greater by one. And
    ``lengths`` are ignored: the samples of a row that has ended are zeros.

    Arguments
    ---------
    module : torch.nn.Module
        Layers in turn, a ``PitchFbank`` the first of them:
        ``speechbrain.nnet.containers.LengthsCapableSequential``.
    properties : speechbrain.utils.filter_analysis.FilterProperties
        ``stack_filter_properties([compute_features, CNN])``.

    Example
    -------
    >>> from speechbrain.nnet.containers import LengthsCapableSequential
    >>> compute_features = PitchFbank(n_mels=80, pitch_level="window")
    >>> extractor = PitchStreamingFeatureWrapper(
    ...     LengthsCapableSequential(compute_features),
    ...     compute_features.get_filter_properties(),
    ... )
    >>> context = extractor.make_streaming_context()
    >>> wavs = torch.rand(2, 30000)
    >>> [extractor(chunk, context).shape[1] for chunk in wavs.split(10240, dim=1)]
    [64, 64, 59]
    """

    def __init__(self, module, properties):
        super().__init__(module, properties)
        obstacle = find_obstacle(module.children())
        if obstacle is not None:
            raise ValueError(f"{type(self).__name__} found {obstacle}")
        self._properties = properties
        self._padding = super().get_required_padding()
        self.properties = dataclasses.replace(properties, stride=properties.stride + 1)

    @property
    def compute_features(self):
        """The PitchFbank."""
        return next(self.module.children())

    def get_filter_properties(self):
        """The properties given."""
        return self._properties

    def get_required_padding(self):
        """Samples that a frame needs on either side, a multiple of the stride."""
        return self._padding

    def get_output_count_per_pad_frame(self):
        """Frames that the padding of one side gives."""
        return self._padding // self._properties.stride

    def make_streaming_context(self):
        """A context for a new stream."""
        return PitchStreamingFeatureContext(None)

    def forward(self, chunk, context, lengths=None):
        """Features [B, T, ...] of the next frames, for a chunk [B, N] with any N.

        Of all samples so far, N // stride frames have come out. They lag behind the
        samples by ``get_required_padding``: the first ones are those of the silence
        before the stream, and as many zeros at the end, or
        ``get_recommended_final_chunk_count`` chunks of them, bring out the last.
        """
        stride = self._properties.stride
        if context.left_context is None:
            context.left_context = chunk.new_zeros(len(chunk), 2 * self._padding)
            context.past, context.position = chunk[:, :0], -2 * self._padding
        context.past = torch.cat((context.past, chunk), 1)
        wavs = torch.cat((context.left_context, chunk), 1)
        n_frames = (wavs.shape[1] - 2 * self._padding) // stride
        step = n_frames * stride
        context.left_context = wavs[:, step:]
        x = self._features(wavs[:, : 2 * self._padding + step], context)
        context.position += step
        self._forget(context)
        for layer in list(self.module.children())[1:]:
            x = layer(x)
        skipped = self.get_output_count_per_pad_frame()
        return x[:, skipped : skipped + n_frames]

    def _features(self, wavs, context):
        """The PitchFbank's output for samples from the context's position on."""
        fbank = self.compute_features
        first = context.position // fbank.hop_length
        n_frames = wavs.shape[1] // fbank.hop_length + 1
        untracked = wavs.new_zeros(len(wavs), n_frames)
        features, _ = inband.split(fbank(wavs, untracked, untracked))
        channels = self._channels(context, max(0, first), first + n_frames)
        before = n_frames - channels.shape[1]
        channels = torch.nn.functional.pad(channels, (0, 0, before, 0))
        return inband.append(features, channels)

    def _channels(self, context, first, last):
        """Pitch channels of frames first .. last - 1 of the stream."""
        fbank = self.compute_features
        start = context.past_start // fbank.hop_length
        oldest = max(0, first - self._level_frames)
        wanted = slice(oldest - start, last - start)
        f0_hz, voicing = fbank.pitch_tracker.track_frames(
            context.past, wanted.start, wanted.stop
        )
        window_size = fbank.compute_STFT.win_length // 2 * 2
        loudness_db = loudness_in_db(context.past, window_size, fbank.hop_length)
        channels = fbank.pitch_contour(f0_hz, voicing, loudness_db[:, wanted])
        return channels[:, first - oldest :]

    @property
    def _level_frames(self):
        """Frames before a frame whose pitch makes the speaker's level."""
        contour = self.compute_features.pitch_contour
        return contour.n_frames - 1 if contour.level == "window" else 0

    def _forget(self, context):
        """Drop the samples that no later frame depends on."""
        fbank = self.compute_features
        needed = self._level_frames + fbank.pitch_tracker.n_behind
        start = max(0, context.position - needed * fbank.hop_length)
        context.past = context.past[:, start - context.past_start :]
        context.past_start = start


@dataclasses.dataclass
class CTCGreedyStreamingContext:
    """The most probable token of each utterance's last frame so far, [B]."""

    last_tokens: list | None = None


def ctc_greedy_decode_streaming(probabilities, context, blank_id=0):
    """Tokens that each utterance has gained by a chunk, as a list of lists of int.

    Chunk by chunk they are those of ``ctc_greedy_decode``. The probabilities, or their
    logarithms, are [B, T, n_tokens]; the context is changed in place.

    Example
    -------
    >>> probabilities = torch.eye(3)[None, [1, 1, 0, 1, 1, 2]]
    >>> context = CTCGreedyStreamingContext()
    >>> chunks = probabilities.split(2, dim=1)
    >>> [ctc_greedy_decode_streaming(chunk, context) for chunk in chunks]
    [[[1]], [[1]], [[2]]]
    """
    best = probabilities.argmax(-1).tolist()
    last = context.last_tokens or [blank_id] * len(best)
    context.last_tokens, gained = [], []
    for before, row in zip(last, best, strict=True):
        # A token that goes on from the chunk before is counted there.
        tokens = filter_ctc_output([before, *row], blank_id=blank_id)
        gained.append(tokens[before != blank_id :])
        context.last_tokens.append((before, *row)[-1])
    return gained


@dataclasses.dataclass
class TextStreamingContext:
    """The last token of a stream that was no mere space, and the spaces behind it."""

    before: list = dataclasses.field(default_factory=list)


def decode_streaming(tokenizer, tokens, context):
    """Text that a stream has gained by these tokens: joined, it is that of all tokens.

    ``tokenizer`` is a ``sentencepiece.SentencePieceProcessor``, ``tokens`` are a list
    of int, and the context is changed in place. (SpeechBrain's
    ``spm_decode_preserve_leading_space`` would do this, but asks for an
    ``immutable_proto``, which sentencepiece 0.2.3 refuses.)
    """
    known = tokenizer.decode_ids(context.before)
    whole = [*context.before, *tokens]
    words = [i for i, token in enumerate(whole) if tokenizer.decode_ids([token])]
    context.before = whole[words[-1] :] if words else []
    return tokenizer.decode_ids(whole)[len(known) :]
