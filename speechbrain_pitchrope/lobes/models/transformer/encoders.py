"""SpeechBrain's encoders, handing the in-band pitch to their attention layers.

An encoder here takes [B, T, d_model + 4], splits pitch off and passes it on as
``pos_embs``, which every layer gives to its attention. All else is upstream's.
"""

import torch
from speechbrain.lobes.models.transformer.Branchformer import BranchformerEncoder
from speechbrain.lobes.models.transformer.Conformer import ConformerEncoder
from speechbrain.lobes.models.transformer.Transformer import TransformerEncoder

from speechbrain_pitchrope import inband
from speechbrain_pitchrope.controls import CONTROLS
from speechbrain_pitchrope.nnet.attention import PitchRoPEMHA


class _InBandPitch:
    """Mixin before an encoder: pitch comes behind ``src`` and leaves as pos_embs.

    ``give_pitch`` sets ``control``, the name of an experiment's control.
    """

    def forward(
        self, src, src_mask=None, src_key_padding_mask=None, pos_embs=None, **kwargs
    ):
        """As upstream's, with ``src`` of shape [B, T, d_model + 4]."""
        src, pitch = inband.split(src)
        if self.control != "none":
            lengths = _lengths(pitch, src_key_padding_mask)
            pitch = CONTROLS[self.control](pitch, lengths)
        return super().forward(
            src, src_mask, src_key_padding_mask, pos_embs=pitch, **kwargs
        )


def _lengths(frames, padding_mask):
    """Number of frames [B] before the padding."""
    if padding_mask is None:
        return torch.full(
            frames.shape[:1], frames.shape[1], device=frames.device, dtype=torch.long
        )
    return (~padding_mask.bool()).sum(1).clamp(min=1)


class PitchTransformerEncoder(_InBandPitch, TransformerEncoder):
    """TransformerEncoder with in-band pitch."""


class PitchConformerEncoder(_InBandPitch, ConformerEncoder):
    """ConformerEncoder with in-band pitch."""


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
        Settings of ``PitchRoPEMHA``, and ``control``: a name of
        ``speechbrain_pitchrope.controls``, "none" if not given.

    Raises
    ------
    ValueError
        If there is no such control.
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
    choices = ("none", *CONTROLS)
    if control not in choices:
        raise ValueError(
            f"control is {control!r}: choose one of {', '.join(map(repr, choices))}"
        )
    encoder.__class__ = _WITH_PITCH[type(encoder)]
    encoder.control = control
    with torch.random.fork_rng(devices=[]):
        for layer in encoder.layers:
            name = (
                "self_att" if isinstance(encoder, TransformerEncoder) else "mha_layer"
            )
            attention = PitchRoPEMHA(embed_dim, num_heads, dropout, **settings)
            torch.nn.init.xavier_normal_(attention.in_proj_weight)
            torch.nn.init.xavier_normal_(attention.out_proj.weight)
            upstream = getattr(layer, name, None)
            if upstream is not None:
                attention.load_state_dict(upstream.state_dict(), strict=False)
            setattr(layer, name, attention)
