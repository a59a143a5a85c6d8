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
    text are upstream's: there is no pitch in text. At initialisation and under the same
    seed all weights and all outputs are those of a TransformerST with
    ``attention_type: RoPEMHA`` (but not the outputs with ``frequencies: mel``).

    Arguments
    ---------
    tgt_vocab : int
        Size of the vocabulary.
    input_size : int
        Channels before pitch, as upstream.
    d_model, nhead, num_encoder_layers, num_decoder_layers, d_ffn, dropout, activation
        As in ``TransformerST``.
    pitch_attention : dict, optional
        As in ``PitchTransformerASR``.
    attention_type : str
        "RoPEMHA" or "PitchRoPEMHA"; there is no other here.
    **kwargs
        As in ``TransformerST``: ``ctc_weight``, ``asr_weight``, ``mt_weight``,
        ``asr_tgt_vocab``, ``mt_src_vocab`` and those of ``TransformerASR``.

    Example
    -------
    >>> import torch
    >>> net = PitchTransformerST(
    ...     tgt_vocab=30,
    ...     input_size=640,
    ...     d_model=64,
    ...     nhead=4,
    ...     num_encoder_layers=1,
    ...     num_decoder_layers=1,
    ...     d_ffn=128,
    ...     causal=False,
    ...     ctc_weight=0.3,
    ...     asr_weight=0.3,
    ...     asr_tgt_vocab=20,
    ... )
    >>> src, wav_lens = torch.rand(8, 25, 640 + 4), torch.ones(8)
    >>> translation = torch.randint(1, 30, [8, 12])
    >>> transcription = torch.randint(1, 20, [8, 9])
    >>> enc_out, dec_out = net(src, translation, wav_lens)
    >>> enc_out.shape, dec_out.shape
    (torch.Size([8, 25, 64]), torch.Size([8, 12, 64]))
    >>> net.forward_asr(enc_out, src, transcription, wav_lens).shape
    torch.Size([8, 9, 64])
    """

    def make_masks(self, src, tgt, wav_len=None, pad_idx=0):
        """Masks for ``forward_asr``, which asks for this method in SpeechBrain 1.1.0.

        TransformerST has none there, so its own transcription fails.
        """
        return make_transformer_src_tgt_masks(src, tgt, wav_len, pad_idx=pad_idx)
