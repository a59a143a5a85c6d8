"""TransformerASR whose encoder attention listens to pitch."""

from speechbrain.lobes.models.transformer.TransformerASR import TransformerASR
from speechbrain.nnet.containers import ModuleList
from torch import nn

from speechbrain_pitchrope import inband
from speechbrain_pitchrope.lobes.models.transformer.encoders import give_pitch
from speechbrain_pitchrope.substitutes import AUGMENTER, FRONT_END, NORMALIZE

ATTENTION_TYPES = ("RoPEMHA", "PitchRoPEMHA")


class PitchTransformerASR(TransformerASR):
    """SpeechBrain's TransformerASR with PitchRoPEMHA in its encoder.

    ``forward``, ``encode`` and ``decode`` are upstream's. Only the source module, which
    projects the features and puts pitch behind the projection, and the encoder, which
    takes it from there, know of pitch. At initialisation and under the same seed all
    weights and all outputs are those of a TransformerASR with ``attention_type:
    RoPEMHA``; its checkpoints load, and lack only what is ours.

    Arguments
    ---------
    tgt_vocab : int
        Size of the vocabulary.
    input_size : int
        Channels before pitch, as upstream: 640 behind the usual front end.
    d_model, nhead, num_encoder_layers, num_decoder_layers, d_ffn : int
        As of ``TransformerASR``.
    dropout : float
        As of ``TransformerASR``.
    activation : type
        As of ``TransformerASR``.
    pitch_attention : dict, optional
        Settings of ``speechbrain_pitchrope.nnet.attention.PitchRoPEMHA``: ``theta``,
        ``similarity``, ``radius``, ``frequencies``; all on if not given. And
        ``control``, a name of ``speechbrain_pitchrope.controls``, for experiments.
    attention_type : str
        "RoPEMHA" or "PitchRoPEMHA"; there is no other here.
    **kwargs : dict
        As of ``TransformerASR``.

    Example
    -------
    >>> import torch
    >>> net = PitchTransformerASR(
    ...     tgt_vocab=30,
    ...     input_size=640,
    ...     d_model=64,
    ...     nhead=4,
    ...     num_encoder_layers=1,
    ...     num_decoder_layers=1,
    ...     d_ffn=128,
    ...     encoder_module="conformer",
    ...     normalize_before=True,
    ...     causal=False,
    ... )
    >>> src, tgt = torch.rand(8, 25, 640 + 4), torch.randint(0, 30, [8, 12])
    >>> enc_out, dec_out = net(src, tgt)
    >>> enc_out.shape
    torch.Size([8, 25, 64])
    """

    def __init__(
        self,
        tgt_vocab,
        input_size,
        d_model=512,
        nhead=8,
        num_encoder_layers=6,
        num_decoder_layers=6,
        d_ffn=2048,
        dropout=0.1,
        activation=nn.ReLU,
        *,
        pitch_attention=None,
        attention_type="RoPEMHA",
        **kwargs,
    ):
        if attention_type not in ATTENTION_TYPES:
            raise ValueError(
                f"PitchTransformerASR found attention_type: {attention_type}, expected "
                "RoPEMHA: pitch acts on rotary attention only"
            )
        super().__init__(
            tgt_vocab,
            input_size,
            d_model,
            nhead,
            num_encoder_layers,
            num_decoder_layers,
            d_ffn,
            dropout,
            activation,
            attention_type="RoPEMHA",  # upstream tests for exactly this name
            **kwargs,
        )
        self.custom_src_module = _InBandSource(self.custom_src_module, input_size)
        if num_encoder_layers > 0:
            give_pitch(self.encoder, d_model, nhead, dropout, pitch_attention or {})


class _InBandSource(ModuleList):
    """Upstream's source module on the features, with pitch put behind its output.

    Arguments
    ---------
    source : speechbrain.nnet.containers.ModuleList
        The module to take over, layers and all.
    input_size : int
        Channels before pitch.
    """

    def __init__(self, source, input_size):
        super().__init__(*source.layers)
        self.input_size = input_size

    def forward(self, x):
        """[B, T, input_size + 4] -> [B, T, d_model + 4]."""
        consumer = "PitchTransformerASR"
        inband.require_width(x, self.input_size, consumer, FRONT_END)
        features, channels = inband.split(x)
        inband.require_range(channels, consumer, (NORMALIZE, AUGMENTER))
        return inband.append(super().forward(features), channels)
