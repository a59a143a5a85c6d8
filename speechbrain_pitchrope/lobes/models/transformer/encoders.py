"""SpeechBrain's encoders, handing the in-band pitch to their attention layers.

An encoder here takes [B, T, d_model + 4], splits pitch off and passes it on as
``pos_embs``, which every layer gives to its attention. All else is upstream's, but for
what ``pitch_input`` or ``streams``, where there are any, add to the encoder's input.

A yaml can name them wherever it names upstream's. What projects the features to d_model
must leave pitch alone: ``PitchProjection`` does.
"""

import inspect
import re
from dataclasses import dataclass

import torch
from speechbrain.lobes.models.transformer.Branchformer import BranchformerEncoder
from speechbrain.lobes.models.transformer.Conformer import (
    ConformerEncoder,
    ConformerEncoderStreamingContext,
)
from speechbrain.lobes.models.transformer.Transformer import TransformerEncoder
from speechbrain.nnet.containers import ModuleList

from speechbrain_pitchrope import inband
from speechbrain_pitchrope.controls import CONTROLS
from speechbrain_pitchrope.lobes.models.multistream import (
    N_HOPS,
    MultiStream,
    PitchInput,
    check_streams,
    require_samples,
    samples_per_frame,
)
from speechbrain_pitchrope.names import AUGMENTER, FRONT_END, NORMALIZE
from speechbrain_pitchrope.nnet.attention import PitchRoPEMHA
from speechbrain_pitchrope.nnet.parameter_transfer import STRANGE, listing


class PitchProjection(ModuleList):
    """SpeechBrain's ModuleList on the features; what rides behind them passes through.

    Arguments
    ---------
    layers : sequence of torch.nn.Module
        Applied to the features in turn; [B, T, n_features] -> [B, T, d_model].
    n_features : int
        Channels before what rides: 640 behind the usual front end.
    consumer : str, optional
        The class that messages name: this one if not given.

    Example
    -------
    >>> net = PitchProjection([torch.nn.Linear(640, 144)], n_features=640)
    >>> net(torch.rand(2, 50, 640 + 4)).shape
    torch.Size([2, 50, 148])
    """

    def __init__(self, layers, n_features, consumer=None):
        super().__init__(*layers)
        self.n_features = n_features
        self.consumer = consumer or type(self).__name__

    def forward(self, x):
        """[B, T, n_features + S + 4] -> [B, T, d_model + S + 4], S samples or none."""
        if x.shape[-1] < self.n_features + inband.N_CHANNELS:
            inband.require_width(x, self.n_features, self.consumer, FRONT_END)
        features, riders = inband.split(x, self.n_features)
        return inband.append(super().forward(features), riders)


class _PitchEncoder:
    """Mixin before an upstream encoder: pitch comes behind ``src``.

    Every layer gets a ``PitchRoPEMHA`` with the weights of the RoPEMHA that upstream
    gave it; upstream's branchformer has none, so there the weights are new. Under the
    same seed all other weights are upstream's, and so is the next random number.
    """

    attention_name = "mha_layer"
    """What upstream calls the attention of a layer."""

    def __init__(self, *args, pitch_attention=None, attention_type="RoPEMHA", **kwargs):
        require_rope(type(self).__name__, attention_type)
        given = inspect.signature(super().__init__).bind(*args, **kwargs)
        given.apply_defaults()
        sizes = [given.arguments[name] for name in ("d_model", "nhead", "dropout")]
        super().__init__(*args, attention_type="RoPEMHA", **kwargs)
        if not isinstance(pitch_attention or {}, dict):
            raise ValueError(f"pitch_attention is {pitch_attention!r}: give a mapping")
        settings = dict(pitch_attention or {})
        self.control = settings.pop("control", "none")
        n_channels = settings.pop("pitch_input", 0)
        streams = check_streams(settings.pop("streams", ["spectrogram"]))
        if type(n_channels) is not int or n_channels < 0:
            raise ValueError(
                f"pitch_input is {n_channels!r}: give its number of channels, 32 for "
                "instance, or 0 for none"
            )
        if self.control not in ("none", *CONTROLS):
            raise ValueError(
                f"control is {self.control!r}: give none, {', '.join(CONTROLS)}"
            )
        self.d_model = sizes[0]
        self.n_samples = samples_per_frame(streams, N_HOPS)
        self.first_batches = inband.FirstBatches(self)
        self.pitch_input = self.streams = None
        with torch.random.fork_rng(devices=[]):
            for layer in self.layers:
                self._replace_attention(layer, PitchRoPEMHA(*sizes, **settings))
            if n_channels > 0:
                self.pitch_input = PitchInput(self.d_model, n_channels)
            if len(streams) > 1:
                self.streams = MultiStream(self.d_model, streams)
        self.register_load_state_dict_pre_hook(_refuse_other_attention)

    def _replace_attention(self, layer, attention):
        upstream = getattr(layer, self.attention_name, None)
        if upstream is None:
            torch.nn.init.xavier_normal_(attention.in_proj_weight)
            torch.nn.init.xavier_normal_(attention.out_proj.weight)
        else:
            attention.load_state_dict(upstream.state_dict(), strict=False)
        setattr(layer, self.attention_name, attention)

    def forward(
        self, src, src_mask=None, src_key_padding_mask=None, pos_embs=None, **kwargs
    ):
        """As upstream's, with ``src`` of shape [B, T, d_model + 4].

        With a waveform stream, [B, T, d_model + 640 + 4]. ``pos_embs`` is not used.
        """
        src, riders = self._split(src)
        samples, pitch = inband.split(riders)
        if self.control != "none":
            padding = src_key_padding_mask
            if padding is None:
                padding = torch.zeros_like(pitch[..., 0], dtype=torch.bool)
            lengths = (~padding.bool()).sum(1).clamp(min=1)
            pitch = CONTROLS[self.control](pitch, lengths)
        src = self._add_inputs(src, samples, pitch)
        if src_mask is not None:  # of a causal model it is 0, or -inf at what is hidden
            src_mask = src_mask.bool()
        return super().forward(
            src, src_mask, src_key_padding_mask, pos_embs=pitch, **kwargs
        )

    def _split(self, src):
        """Frames and what rides behind them, checked."""
        name = type(self).__name__
        inband.require_width(src, self.d_model, name, FRONT_END, self.n_samples)
        if self.first_batches.one_more():
            inband.require_range(src, name, (NORMALIZE, AUGMENTER))
            require_samples(src[..., self.d_model : -inband.N_CHANNELS], name)
        return inband.split(src, self.d_model)

    def _add_inputs(self, src, samples, pitch):
        """src, with what is added to it; samples and pitch may begin before src."""
        if self.pitch_input is not None:
            src = self.pitch_input(src, pitch)
        if self.streams is not None:
            src = self.streams(src, samples, pitch)
        return src


def require_rope(consumer, attention_type):
    """Raise a ValueError if a yaml asks for attention that does not rotate."""
    if attention_type not in ("RoPEMHA", "PitchRoPEMHA"):
        raise ValueError(
            f"{consumer} found attention_type: {attention_type}, expected RoPEMHA: "
            "pitch acts on rotary attention only"
        )


def _refuse_other_attention(
    encoder, state_dict, prefix, local_metadata, strict, missing, unexpected, errors
):
    """Name weights of other attention; SpeechBrain's Pretrainer only warns of them.

    Other kinds of attention share names with RoPEMHA. RelPosMHAXL has all of its
    tensors, and more: its weights would load, and compute something else.
    """
    name = encoder.attention_name
    start = re.compile(rf"{re.escape(prefix)}layers\.\d+\.{name}\.")
    own = getattr(encoder.layers[0], name).state_dict()
    known = {*own, *PitchRoPEMHA.PITCH_PARAMETERS}
    strange = [
        key
        for key in sorted(state_dict)
        if start.match(key) and start.sub("", key) not in known
    ]
    if strange:
        errors.append(
            "the encoder's attention is RoPEMHA, and the file has weights of another "
            "kind, which do not fit: give one trained with attention_type: RoPEMHA, or "
            "by a swapped recipe, or train anew.\n" + listing({STRANGE: strange})
        )


class PitchTransformerEncoder(_PitchEncoder, TransformerEncoder):
    """SpeechBrain's TransformerEncoder; see ``PitchConformerEncoder``."""

    attention_name = "self_att"


class PitchBranchformerEncoder(_PitchEncoder, BranchformerEncoder):
    """SpeechBrain's BranchformerEncoder; see ``PitchConformerEncoder``."""


@dataclass
class PitchStreamingContext(ConformerEncoderStreamingContext):
    """Streaming state of a ``PitchConformerEncoder``: upstream's, and past pitch."""

    riders: torch.Tensor | None = None
    """What rides [B, T, S + 4] with the past frames that later ones still need."""


class PitchConformerEncoder(_PitchEncoder, ConformerEncoder):
    """SpeechBrain's ConformerEncoder with PitchRoPEMHA as its attention.

    Arguments
    ---------
    *args, **kwargs
        As in ``speechbrain.lobes.models.transformer.Conformer.ConformerEncoder``.
    pitch_attention : dict, optional
        Settings of ``speechbrain_pitchrope.nnet.attention.PitchRoPEMHA``, its defaults
        if not given; and ``pitch_input``, ``streams`` and ``control``, as in
        ``PitchTransformerASR``.
    attention_type : str
        "RoPEMHA" or "PitchRoPEMHA".

    Example
    -------
    >>> net = PitchConformerEncoder(num_layers=1, d_model=64, d_ffn=128, nhead=4)
    >>> outputs, _ = net(torch.rand(2, 50, 64 + 4))
    >>> outputs.shape
    torch.Size([2, 50, 64])
    """

    def find_obstacle(self):
        """What keeps the encoder from streaming; None if nothing."""
        theta = getattr(self.layers[0], self.attention_name).theta
        for setting, value in (("control", self.control), ("theta", theta)):
            if value in ("frame", *CONTROLS):
                return f"{setting} is {value!r}, which needs whole utterances"
        return None

    def make_streaming_context(self, dynchunktrain_config):
        """As upstream's, with room for the pitch of past frames."""
        if dynchunktrain_config.is_infinite_left_context():
            raise ValueError(
                "left_context_size is None, all that has gone before: to stream, give "
                f"a number of chunks, DynChunkTrainConfig("
                f"{dynchunktrain_config.chunk_size}, 4) for instance"
            )
        context = super().make_streaming_context(dynchunktrain_config)
        return PitchStreamingContext(context.dynchunktrain_config, context.layers)

    def forward_streaming(self, src, context, pos_embs=None):
        """As upstream's, with ``src`` a chunk of shape [B, T, d_model + 4].

        Chunk by chunk it gives what ``forward`` gives for the whole with the same
        ``dynchunktrain_config``: attention gets the pitch of its left context too.
        """
        if obstacle := self.find_obstacle():
            raise ValueError(f"{obstacle}: encode them at once, or stream without it")
        src, riders = self._split(src)
        if src.shape[1] == 0:  # too few samples for a frame; upstream would give others
            return src, []
        if context.riders is not None:
            riders = torch.cat((context.riders, riders), 1)
        samples, pitch = inband.split(riders)
        src = self._add_inputs(src, samples, pitch)
        attended = context.dynchunktrain_config.left_context_size_frames()
        added = (net for net in (self.pitch_input, self.streams) if net is not None)
        context.riders = _last(riders, max([attended, *(net.history for net in added)]))
        return super().forward_streaming(
            src, context, pos_embs=_last(pitch, attended + src.shape[1])
        )


def _last(x, n_frames):
    """The last frames of x, all if there are fewer."""
    return x[:, max(0, x.shape[1] - n_frames) :]


ENCODERS = {
    "transformer": PitchTransformerEncoder,
    "conformer": PitchConformerEncoder,
    "branchformer": PitchBranchformerEncoder,
}
