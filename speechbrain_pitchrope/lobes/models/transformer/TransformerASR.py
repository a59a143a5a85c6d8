"""TransformerASR whose encoder attention takes pitch into account."""

import inspect

import torch
from speechbrain.lobes.models.transformer.TransformerASR import TransformerASR

from speechbrain_pitchrope.lobes.models.transformer.encoders import (
    ENCODERS,
    PitchProjection,
    require_rope,
)


class WithPitchEncoder:
    """Mixin before an upstream transformer: gives it an encoder of ours."""

    def __init__(self, *args, pitch_attention=None, attention_type="RoPEMHA", **kwargs):
        require_rope(type(self).__name__, attention_type)
        kwargs["attention_type"] = "RoPEMHA"  # upstream tests for exactly this name
        super().__init__(*args, **kwargs)
        given = inspect.signature(super().__init__).bind(*args, **kwargs)
        given.apply_defaults()
        given = given.arguments | {"causal": self.causal}  # None is True there
        if given["num_encoder_layers"] == 0:
            return
        self.encoder = _replace(self.encoder, given, pitch_attention)
        self.custom_src_module = PitchProjection(
            self.custom_src_module.layers, given["input_size"], type(self).__name__
        )


def _replace(upstream, given, pitch_attention):
    """Our encoder with the arguments and the weights of upstream's.

    Upstream draws its weights, and those of matrices once more when all is built; ours
    are built without drawing from the caller's random generator, and then loaded.
    """
    module = given["encoder_module"]
    settings = {
        name: given[name]
        for name in inspect.signature(type(upstream)).parameters
        if name in given
    }
    settings["num_layers"] = given["num_encoder_layers"]
    if f"{module}_activation" in given:
        settings["activation"] = given[f"{module}_activation"]
    elif module != "transformer":
        settings.pop("activation")
    with torch.random.fork_rng(devices=[]):
        encoder = ENCODERS[module](**settings, pitch_attention=pitch_attention)
    encoder.load_state_dict(encoder.state_dict() | upstream.state_dict())
    return encoder


class PitchTransformerASR(WithPitchEncoder, TransformerASR):
    """SpeechBrain's TransformerASR with PitchRoPEMHA in its encoder.

    ``forward``, ``encode``, ``encode_streaming`` and ``decode`` are upstream's. The
    source module projects the features alone, and the encoder, one of
    ``speechbrain_pitchrope.lobes.models.transformer.encoders``, takes pitch from behind
    them. At initialisation and under the same seed all weights and all outputs are
    those of a TransformerASR with ``attention_type: RoPEMHA`` (but not the outputs with
    ``frequencies: mel``); its checkpoints load, and lack only what is ours.
    SpeechBrain's branchformer has no RoPEMHA to compare with.

    Arguments
    ---------
    *args, **kwargs
        As in ``speechbrain.lobes.models.transformer.TransformerASR.TransformerASR``,
        whose ``input_size`` is the number of channels before pitch.
    pitch_attention : dict, optional
        Settings of ``speechbrain_pitchrope.nnet.attention.PitchRoPEMHA``: ``theta``,
        ``similarity``, ``radius``, ``frequencies``; each as there if not given. Also
        ``pitch_input``, the channels of a convolutional front end for pitch alone, 0 if
        not given, and ``streams``, both of
        ``speechbrain_pitchrope.lobes.models.multistream``; and ``control``, a name of
        ``speechbrain_pitchrope.controls``, for experiments.
    attention_type : str
        "RoPEMHA" or "PitchRoPEMHA"; there is no other here.

    Example
    -------
    >>> import torch
    >>> net = PitchTransformerASR(
    ...     tgt_vocab=30, input_size=640, d_model=64, nhead=4, num_encoder_layers=1,
    ...     num_decoder_layers=1, d_ffn=128, encoder_module="conformer",
    ...     normalize_before=True, causal=False,
    ... )
    >>> src, tgt = torch.rand(8, 25, 640 + 4), torch.randint(0, 30, [8, 12])
    >>> enc_out, dec_out = net(src, tgt)
    >>> enc_out.shape
    torch.Size([8, 25, 64])
    """
