"""SpeechBrain's encoders, handing the in-band pitch to their attention layers.

An encoder here takes [B, T, d_model + 4], splits pitch off and passes it on as
``pos_embs``, which every layer gives to its attention. All else is upstream's.
"""

import torch
from speechbrain.lobes.models.transformer.Branchformer import BranchformerEncoder
from speechbrain.lobes.models.transformer.Conformer import ConformerEncoder
from speechbrain.lobes.models.transformer.Transformer import TransformerEncoder

from speechbrain_pitchrope import inband
from speechbrain_pitchrope.nnet.attention import PitchRoPEMHA


class _InBandPitch:
    """Mixin before an encoder: pitch comes behind ``src`` and leaves as pos_embs."""

    def forward(self, src, *args, pos_embs=None, **kwargs):
        """As upstream's, with ``src`` of shape [B, T, d_model + 4]."""
        src, pitch = inband.split(src)
        return super().forward(src, *args, pos_embs=pitch, **kwargs)


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
        Settings of ``PitchRoPEMHA``: theta, similarity, radius.

    Raises
    ------
    TypeError
        If the encoder is of another class.
    """
    if type(encoder) not in _WITH_PITCH:
        raise TypeError(
            f"{type(encoder).__name__} is not an encoder that can listen to pitch: "
            "set encoder_module to transformer, conformer or branchformer"
        )
    encoder.__class__ = _WITH_PITCH[type(encoder)]
    with torch.random.fork_rng(devices=[]):
        for layer in encoder.layers:
            name = (
                "self_att" if isinstance(encoder, TransformerEncoder) else "mha_layer"
            )
            attention = PitchRoPEMHA(embed_dim, num_heads, dropout, **pitch_attention)
            torch.nn.init.xavier_normal_(attention.in_proj_weight)
            torch.nn.init.xavier_normal_(attention.out_proj.weight)
            upstream = getattr(layer, name, None)
            if upstream is not None:
                attention.load_state_dict(upstream.state_dict(), strict=False)
            setattr(layer, name, attention)
