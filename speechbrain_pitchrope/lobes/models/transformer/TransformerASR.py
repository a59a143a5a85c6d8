"""TransformerASR whose encoder attention listens to pitch."""

from speechbrain.lobes.models.transformer.TransformerASR import TransformerASR
from speechbrain.nnet.containers import ModuleList
from torch import nn

from speechbrain_pitchrope import inband
from speechbrain_pitchrope.lobes.models.multistream import N_HOPS
from speechbrain_pitchrope.lobes.models.transformer.encoders import (
    foreign_attention,
    give_pitch,
)
from speechbrain_pitchrope.names import AUGMENTER, FRONT_END, NORMALIZE
from speechbrain_pitchrope.nnet.parameter_transfer import MISSING, STRANGE, listing
from speechbrain_pitchrope.streams import require_waveform, samples_per_frame

ATTENTION_TYPES = ("RoPEMHA", "PitchRoPEMHA")


class ListensToPitch:
    """Mixin before an upstream transformer: its encoder's attention hears pitch.

    The arguments are those of ``PitchTransformerASR``.
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
                f"{type(self).__name__} found attention_type: {attention_type}, "
                "expected RoPEMHA: pitch acts on rotary attention only"
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
        settings = pitch_attention or {}
        streams = settings.get("streams", ("spectrogram",))
        self.custom_src_module = _InBandSource(
            self.custom_src_module, input_size, type(self).__name__, streams
        )
        if num_encoder_layers > 0:
            give_pitch(self.encoder, d_model, nhead, dropout, settings)

    def _load_from_state_dict(self, state_dict, prefix, *args):
        """As torch's, which calls it, and refuses weights of other attention.

        SpeechBrain's Pretrainer leaves out what does not fit, and warns only.
        """
        super()._load_from_state_dict(state_dict, prefix, *args)
        if not hasattr(self, "encoder"):
            return
        missing, strange = foreign_attention(
            self.encoder, state_dict, f"{prefix}encoder."
        )
        faults = {MISSING: missing, STRANGE: strange}
        if missing or strange:
            error_messages = args[-1]
            error_messages.append(
                "the encoder's attention is RoPEMHA, and the file has weights of "
                "another kind, which do not fit: give one trained with "
                "attention_type: RoPEMHA, or by a swapped recipe, or train anew.\n"
                + listing(faults)
            )


class PitchTransformerASR(ListensToPitch, TransformerASR):
    """SpeechBrain's TransformerASR with PitchRoPEMHA in its encoder.

    ``forward``, ``encode``, ``encode_streaming`` and ``decode`` are upstream's. Only
    the source module, which projects the features and puts pitch behind the projection,
    and the encoder, which takes it from there, know of pitch. At initialisation and
    under the same seed all weights and all outputs are those of a TransformerASR with
    ``attention_type: RoPEMHA``; its checkpoints load, and lack only what is ours.

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
        ``similarity``, ``radius``, ``frequencies``; all on if not given. Also
        ``pitch_input``, the channels of a convolutional front end for pitch alone
        (``speechbrain_pitchrope.lobes.models.pitch_input``), 0 if not given;
        ``streams``, those of ``speechbrain_pitchrope.lobes.models.multistream``; and
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


class _InBandSource(ModuleList):
    """Upstream's source module on the features, with pitch put behind its output.

    A waveform stays between the two.

    Arguments
    ---------
    source : speechbrain.nnet.containers.ModuleList
        The module to take over, layers and all.
    input_size : int
        Channels before pitch, or before the waveform.
    consumer : str
        Name of the transformer, for messages.
    streams : sequence of str
        The model's streams.
    """

    def __init__(self, source, input_size, consumer, streams):
        super().__init__(*source.layers)
        self.input_size = input_size
        self.consumer = consumer
        self.n_samples = samples_per_frame(streams, N_HOPS)

    def forward(self, x):
        """[B, T, input_size + S + 4] -> [B, T, d_model + S + 4], S samples or none."""
        require_waveform(x, self.input_size, self.n_samples, self.consumer)
        width = self.input_size + self.n_samples
        inband.require_width(x, width, self.consumer, FRONT_END)
        features, carried = inband.split(x, self.input_size)
        channels = inband.split(carried)[1]
        inband.require_range(channels, self.consumer, (NORMALIZE, AUGMENTER))
        return inband.append(super().forward(features), carried)
