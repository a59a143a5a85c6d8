"""What a model's attention gets to hear of a recording, and what can't be heard."""

from typing import NamedTuple

import torch

from speechbrain_pitchrope import inband
from speechbrain_pitchrope.dataio.audio import read_mono

MIN_SECONDS, MAX_SECONDS = 0.2, 60.0
"""Durations that can be drawn: five frames of an encoder, and maps of 1500 x 1500."""

LISTENING = ("theta", "similarity", "radius")
"""The switches of PitchRoPEMHA that make it listen."""


def read_speech(path, sample_rate):
    """Samples [N] of a recording; ValueError if it is too short or too long to draw."""
    wav = read_mono(path, sample_rate)
    seconds = len(wav) / sample_rate
    if not MIN_SECONDS <= seconds <= MAX_SECONDS:
        raise ValueError(
            f"{path} lasts {seconds:.3f} s, expected {MIN_SECONDS:g} to "
            f"{MAX_SECONDS:g} s of speech: give another recording, or a part of it"
        )
    return wav


def require_voice(channels, path):
    """Refuse a recording in which no frame is voiced.

    Arguments
    ---------
    channels : torch.Tensor
        Pitch channels, shape [..., T, 4].
    path : str
        The recording, for the message.

    Raises
    ------
    ValueError
        If there is no voiced frame; the message says how near the nearest one is.
    """
    voicing = inband.unpack(channels).voicing
    if voicing.max() < inband.VOICED:
        raise ValueError(
            f"{path} holds no speech that has a pitch: of its {voicing.shape[-1]} "
            f"frames none is voiced (the highest probability of voicing is "
            f"{voicing.max():.2f}, a voiced frame has {inband.VOICED} or more); give a "
            "recording of someone speaking, not too faint"
        )


class Hearing(NamedTuple):
    """A trained model's pass over one recording.

    Arguments
    ---------
    inputs : list of torch.Tensor
        What each attention layer got as query, key and value, [1, T, d_model].
    channels : list of torch.Tensor
        What each got as ``pos_embs``, [1, T, 4].
    masks : list of torch.Tensor
        What each got as ``attn_mask``, [T, T] or None.
    p_ctc : torch.Tensor
        Log-probabilities of the CTC tokens, shape [T, output_neurons].
    """

    inputs: list
    channels: list
    masks: list
    p_ctc: torch.Tensor


def hear(run, wav, pitch=True):
    """Run a trained model over one recording, and note what its attention gets.

    Arguments
    ---------
    run : speechbrain_pitchrope.runs.trained.TrainedRun
        The model.
    wav : torch.Tensor
        Samples at the run's sample rate, shape [N].
    pitch : bool
        Whether attention hears pitch; zeros in every layer if not.

    Returns
    -------
    Hearing
    """
    inputs, channels, masks = [], [], []

    def note(_, args, kwargs):
        if not pitch:
            kwargs["pos_embs"] = torch.zeros_like(kwargs["pos_embs"])
        inputs.append(args[0])
        channels.append(kwargs["pos_embs"])
        masks.append(kwargs.get("attn_mask"))
        return args, kwargs

    hooks = [
        net.register_forward_pre_hook(note, with_kwargs=True) for net in run.attention
    ]
    try:
        _, p_ctc = run.encode(wav[None])
    finally:
        for hook in hooks:
            hook.remove()
    return Hearing(inputs, channels, masks, p_ctc[0])


def pitch_of(run, wav):
    """Pitch channels [1, T, 4] of a recording, before the front end."""
    return inband.split(run.hparams["compute_features"](wav[None]))[1]


def frame_shift(run):
    """Seconds from frame to frame of a trained model's encoder."""
    hop_length = run.hparams["compute_features"].hop_length
    return run.modules["CNN"].pool_stride * hop_length / run.hparams["sample_rate"]


def require_listening(run, switches=LISTENING):
    """Refuse a run of a variant whose attention is plain where we want to look."""
    settings = {name: getattr(run.attention[0], name) for name in switches}
    if set(settings.values()) == {"none"}:
        off = ", ".join(f"{name}: none" for name in settings)
        raise ValueError(
            f"{run.folder} is a run of variant {run.variant!r} ({off}): it has no "
            "pitch parameters to show here; give a run of a variant with "
            f"{' or '.join(switches)}"
        )


def require_heads(run, layers, heads):
    """Refuse layers and heads that a trained model doesn't have."""
    for name, wanted, count in (
        ("layer", layers, len(run.attention)),
        ("head", heads, run.attention[0].num_heads),
    ):
        missing = [str(i) for i in wanted if not 0 <= i < count]
        if missing:
            raise ValueError(
                f"there is no {name} {', '.join(missing)}: {run.folder} has {count}, "
                f"0 to {count - 1}"
            )
