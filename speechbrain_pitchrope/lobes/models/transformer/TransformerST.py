"""TransformerST, for speech translation, whose encoder takes pitch into account."""

from speechbrain.lobes.models.transformer.TransformerASR import (
    make_transformer_src_tgt_masks,
)
from speechbrain.lobes.models.transformer.TransformerST import TransformerST

from speechbrain_pitchrope.lobes.models.transformer.TransformerASR import (
    WithPitchEncoder,
)


class PitchTransformerST(WithPitchEncoder, TransformerST):
    """SpeechBrain's TransformerST with PitchRoPEMHA in its encoder of speech.

    The decoders (translation, and transcription as auxiliary task) and the encoder of
    text are upstream's: there is no pitch in text. A new model starts as upstream's
    with ``attention_type: RoPEMHA``, as ``PitchTransformerASR`` does.

    Arguments
    ---------
    *args, **kwargs
        As in ``speechbrain.lobes.models.transformer.TransformerST.TransformerST``.
    pitch_attention, attention_type
        As in ``PitchTransformerASR``.

    Example
    -------
    >>> import torch
    >>> net = PitchTransformerST(
    ...     tgt_vocab=30, input_size=640, d_model=64, nhead=4, num_encoder_layers=1,
    ...     num_decoder_layers=1, d_ffn=128, causal=False, ctc_weight=0.3,
    ...     asr_weight=0.3, asr_tgt_vocab=20,
    ... )
    >>> src, translation = torch.rand(8, 25, 640 + 4), torch.randint(1, 30, [8, 12])
    >>> enc_out, dec_out = net(src, translation, torch.ones(8))
    >>> enc_out.shape, dec_out.shape
    (torch.Size([8, 25, 64]), torch.Size([8, 12, 64]))
    """

    def make_masks(self, src, tgt, wav_len=None, pad_idx=0):
        """Masks for ``forward_asr``, whose class has no such method in 1.1.0."""
        return make_transformer_src_tgt_masks(src, tgt, wav_len, pad_idx=pad_idx)
