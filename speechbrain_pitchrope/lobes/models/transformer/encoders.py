"""SpeechBrain's encoders, handing the in-band pitch to their attention layers.

An encoder here takes [B, T, d_model + 4], splits pitch off and passes it on as
``pos_embs``, which every layer gives to its attention. All else is upstream's, but for
what ``pitch_input`` or ``streams``, where there are any, add to the encoder's input.
"""

from dataclasses import dataclass

import torch
from speechbrain.lobes.models.transformer.Branchformer import BranchformerEncoder
from speechbrain.lobes.models.transformer.Conformer import (
    ConformerEncoder,
    ConformerEncoderStreamingContext,
)
from speechbrain.lobes.models.transformer.Transformer import TransformerEncoder

from speechbrain_pitchrope import inband
from speechbrain_pitchrope.controls import CONTROLS
from speechbrain_pitchrope.lobes.models.multistream import MultiStream
from speechbrain_pitchrope.lobes.models.pitch_input import PitchInput
from speechbrain_pitchrope.nnet.attention import PitchRoPEMHA
from speechbrain_pitchrope.streams import check_streams

INPUTS = ("pitch_input", "streams")
"""Modules that an encoder of ours can have and upstream's has not."""


class _InBandPitch:
    """Mixin before an encoder: pitch comes behind ``src`` and leaves as pos_embs.

    ``give_pitch`` sets ``d_model``; ``control``, the name of an experiment's control;
    ``pitch_input``, a ``PitchInput`` or None; and ``streams``, a ``MultiStream`` or
    None. All of them take pitch as ``control`` leaves it. (Spectrogram and waveform
    have an f0 of their own, which no control changes.)
    """

    def forward(
        self, src, src_mask=None, src_key_padding_mask=None, pos_embs=None, **kwargs
    ):
        """As upstream's, with ``src`` of shape [B, T, d_model + 4].

        With a waveform stream, [B, T, d_model + 640 + 4].
        """
        src, carried = inband.split(src, self.d_model)
        samples, pitch = inband.split(carried)
        if self.control != "none":
            lengths = _lengths(pitch, src_key_padding_mask)
            pitch = CONTROLS[self.control](pitch, lengths)
        src = self._add_inputs(src, samples, pitch)
        if src_mask is not None:  # of a causal model it is 0, or -inf at what is hidden
            src_mask = src_mask.bool()
        return super().forward(
            src, src_mask, src_key_padding_mask, pos_embs=pitch, **kwargs
        )

    def _add_inputs(self, src, samples, pitch):
        """src, with what is added to it; samples and pitch may begin before src."""
        if self.pitch_input is not None:
            src = self.pitch_input(src, pitch)
        if self.streams is not None:
            src = self.streams(src, samples, pitch)
        return src

    def _history(self):
        """Frames before src that ``_add_inputs`` needs."""
        added = (self.pitch_input, self.streams)
        return max((net.history for net in added if net is not None), default=0)


def _lengths(frames, padding_mask):
    """Number of frames [B] before the padding."""
    if padding_mask is None:
        return torch.full(
            frames.shape[:1], frames.shape[1], device=frames.device, dtype=torch.long
        )
    return (~padding_mask.bool()).sum(1).clamp(min=1)


class PitchTransformerEncoder(_InBandPitch, TransformerEncoder):
    """TransformerEncoder with in-band pitch."""


@dataclass
class PitchStreamingContext(ConformerEncoderStreamingContext):
    """Streaming state of a ``PitchConformerEncoder``: upstream's, and past pitch."""

    carried: torch.Tensor | None = None
    """Pitch channels of the frames before the next chunk, shape [B, T, 4], behind
    their samples if there is a waveform stream."""


class PitchConformerEncoder(_InBandPitch, ConformerEncoder):
    """ConformerEncoder with in-band pitch."""

    def make_streaming_context(self, dynchunktrain_config):
        """As upstream's, with room for the pitch of past frames.

        Raises
        ------
        ValueError
            If the left context is unlimited, which upstream's layers can't keep.
        """
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
        (But not with ``theta: frame``, which counts frames from the start.)

        Raises
        ------
        ValueError
            If there is a control: it needs the whole utterance.
        """
        if self.control != "none":
            raise ValueError(
                f"control is {self.control!r}, which needs whole utterances: encode "
                "them at once, or stream the variant without its control"
            )
        src, carried = inband.split(src, self.d_model)
        if src.shape[1] == 0:  # too few samples for a frame; upstream would give others
            return src, []
        if context.carried is not None:
            carried = torch.cat((context.carried, carried), 1)
        samples, pitch = inband.split(carried)
        src = self._add_inputs(src, samples, pitch)
        attended = context.dynchunktrain_config.left_context_size_frames()
        context.carried = _last(carried, max(attended, self._history()))
        return super().forward_streaming(
            src, context, pos_embs=_last(pitch, attended + src.shape[1])
        )


def _last(x, n_frames):
    """The last frames of x, all if there are fewer."""
    return x[:, max(0, x.shape[1] - n_frames) :]


class PitchBranchformerEncoder(_InBandPitch, BranchformerEncoder):
    """BranchformerEncoder with in-band pitch."""


_WITH_PITCH = {
    TransformerEncoder: PitchTransformerEncoder,
    ConformerEncoder: PitchConformerEncoder,
    BranchformerEncoder: PitchBranchformerEncoder,
}


def give_pitch(encoder, embed_dim, num_heads, dropout, pitch_attention):
    """Make an upstream encoder listen to pitch, in place.

    Its layers get a ``PitchRoPEMHA`` each, with the weights of the RoPEMHA they had;
    upstream's branchformer has none, so there the weights are new. No number is drawn
    from the caller's random generators.

    Arguments
    ---------
    encoder : TransformerEncoder, ConformerEncoder or BranchformerEncoder
        Built with ``attention_type="RoPEMHA"``.
    embed_dim, num_heads : int
        Sizes of the attention.
    dropout : float
        Dropout rate of the attention.
    pitch_attention : dict
        Settings of ``PitchRoPEMHA``; ``control``, a name of
        ``speechbrain_pitchrope.controls``, "none" if not given; ``pitch_input``, the
        channels of a ``PitchInput``, 0 (no such module) if not given; and ``streams``,
        those of a ``MultiStream``, the spectrogram alone (no such module) if not given.

    Raises
    ------
    ValueError
        If there is no such control or no such stream, or ``pitch_input`` is no number
        of channels.
    TypeError
        If the encoder is of another class.
    """
    if type(encoder) not in _WITH_PITCH:
        raise TypeError(
            f"{type(encoder).__name__} is not an encoder that can listen to pitch: "
            "set encoder_module to transformer, conformer or branchformer"
        )
    settings = dict(pitch_attention)
    control = settings.pop("control", "none")
    pitch_input = settings.pop("pitch_input", 0)
    if type(pitch_input) is not int or pitch_input < 0:
        raise ValueError(
            f"pitch_input is {pitch_input!r}: give its number of channels, 32 for "
            "instance, or 0 for none"
        )
    streams = check_streams(settings.pop("streams", ("spectrogram",)))
    choices = ("none", *CONTROLS)
    if control not in choices:
        raise ValueError(
            f"control is {control!r}: choose one of {', '.join(map(repr, choices))}"
        )
    encoder.__class__ = _WITH_PITCH[type(encoder)]
    encoder.control, encoder.d_model = control, embed_dim
    encoder.pitch_input = encoder.streams = None
    with torch.random.fork_rng(devices=[]):
        for layer in encoder.layers:
            name = _attention_name(encoder)
            attention = PitchRoPEMHA(embed_dim, num_heads, dropout, **settings)
            torch.nn.init.xavier_normal_(attention.in_proj_weight)
            torch.nn.init.xavier_normal_(attention.out_proj.weight)
            upstream = getattr(layer, name, None)
            if upstream is not None:
                attention.load_state_dict(upstream.state_dict(), strict=False)
            setattr(layer, name, attention)
        if pitch_input > 0:
            encoder.pitch_input = PitchInput(pitch_input, embed_dim)
        if len(streams) > 1:
            encoder.streams = MultiStream(embed_dim, streams)


def foreign_attention(encoder, weights, prefix):
    """What keeps the attention of trained weights from being this encoder's.

    Other kinds of attention share names with RoPEMHA. RelPosMHAXL has all of its
    tensors, and more: weights loaded without regard to names would fit, and compute
    something else.

    Arguments
    ---------
    encoder : torch.nn.Module
        An encoder that ``give_pitch`` has changed.
    weights : dict
        A state dict, in which the encoder's names begin with the prefix. A layer that
        it has nothing of is passed over.
    prefix : str
        ``"encoder."`` for instance.

    Returns
    -------
    missing, strange : list of str
        Names of tensors that RoPEMHA has and the weights have not, and the reverse.
        What is ours alone may be missing.
    """
    missing, strange = [], []
    for i, layer in enumerate(encoder.layers):
        of_layer = f"{prefix}layers.{i}."
        if not any(key.startswith(of_layer) for key in weights):
            continue
        start = f"{of_layer}{_attention_name(encoder)}."
        own = getattr(layer, _attention_name(encoder)).state_dict()
        found = {key[len(start) :] for key in weights if key.startswith(start)}
        needed = own.keys() - set(PitchRoPEMHA.PITCH_PARAMETERS)
        missing += [f"{start}{name}" for name in sorted(needed - found)]
        foreign = found - needed - set(PitchRoPEMHA.PITCH_PARAMETERS)
        strange += [f"{start}{name}" for name in sorted(foreign)]
    return missing, strange


def _attention_name(encoder):
    """What upstream calls the attention of a layer."""
    return "self_att" if isinstance(encoder, TransformerEncoder) else "mha_layer"
