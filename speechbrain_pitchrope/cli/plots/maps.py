"""The attention maps of a trained model on a recording, with pitch and without."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from speechbrain_pitchrope import inband
from speechbrain_pitchrope.cli.plots.hearing import (
    frame_shift,
    hear,
    read_speech,
    require_heads,
    require_listening,
    require_voice,
)
from speechbrain_pitchrope.figures.attention import HeadMaps
from speechbrain_pitchrope.nnet.dense import attention_weights

MAX_HEADS = 4
"""So many heads are drawn if none are named."""


class AttentionMaps(NamedTuple):
    """All that ``attention_figure`` draws.

    Arguments
    ---------
    mels_db : numpy.ndarray
        Log-mel spectrogram, shape [T_mel, n_mels].
    mel_shift : float
        Seconds from frame to frame of the spectrogram.
    heads : list of HeadMaps
        Maps of each layer and head.
    frame_shift : float
        Seconds from frame to frame of the encoder.
    tokens : list of tuple
        (seconds, piece) of each token that greedy CTC decodes.
    text : str
        What these tokens say.
    """

    mels_db: np.ndarray
    mel_shift: float
    heads: list
    frame_shift: float
    tokens: list
    text: str


def attention_maps(run, path, layers=None, heads=None):
    """Attention weights of a trained model with pitch on, and zeroed in all layers.

    Arguments
    ---------
    run : speechbrain_pitchrope.runs.trained.TrainedRun
        The model.
    path : str
        The recording.
    layers : sequence of int, optional
        Counted from 0, as in ``learned_pitch.txt``; the last one if not given.
    heads : sequence of int, optional
        The heads of each; all, or the first four, if not given.

    Returns
    -------
    AttentionMaps

    Raises
    ------
    ValueError
        If there is no such layer or head, if attention doesn't listen to pitch in this
        variant, or if the recording is no speech.
    """
    n_heads = run.attention[0].num_heads
    layers = [len(run.attention) - 1] if layers is None else layers
    heads = range(min(n_heads, MAX_HEADS)) if heads is None else heads
    require_listening(run)
    require_heads(run, layers, heads)
    wav = read_speech(path, run.hparams["sample_rate"])
    compute_features = run.hparams["compute_features"]
    features, channels = inband.split(compute_features(wav[None])[0])
    mels = features[:, : compute_features.compute_fbanks.n_mels]  # no other stream
    require_voice(channels, path)

    with_pitch, without_pitch = hear(run, wav), hear(run, wav, pitch=False)
    maps = []
    for layer in layers:
        on, zeroed = (
            attention_weights(
                run.attention[layer],
                heard.inputs[layer],
                heard.channels[layer],
                attn_mask=heard.masks[layer],
            )[0].numpy()
            for heard in (with_pitch, without_pitch)
        )
        maps += [
            HeadMaps(f"layer {layer}, head {head}", on[head], zeroed[head])
            for head in heads
        ]
    shift = frame_shift(run)
    frames, ids = greedy_tokens(with_pitch.p_ctc, run.hparams["blank_index"])
    pieces = [run.tokenizer.id_to_piece(i) for i in ids]
    return AttentionMaps(
        mels.numpy(),
        compute_features.hop_length / run.hparams["sample_rate"],
        maps,
        shift,
        [(frame * shift, piece) for frame, piece in zip(frames, pieces, strict=True)],
        run.tokenizer.decode_ids(ids),
    )


def greedy_tokens(p_ctc, blank_index):
    """The tokens of greedy CTC decoding, and the frames at which they begin.

    Arguments
    ---------
    p_ctc : torch.Tensor
        Log-probabilities, shape [T, n_tokens].
    blank_index : int
        The token that stands for none.

    Returns
    -------
    frames, tokens : list of int

    Example
    -------
    >>> import torch
    >>> best = torch.tensor([0, 3, 3, 0, 3, 1])
    >>> greedy_tokens(torch.nn.functional.one_hot(best).float(), blank_index=0)
    ([1, 4, 5], [3, 3, 1])
    """
    best = p_ctc.argmax(-1).tolist()
    before = [blank_index, *best[:-1]]
    frames = [
        frame
        for frame, (token, last) in enumerate(zip(best, before, strict=True))
        if token not in (blank_index, last)
    ]
    return frames, [best[frame] for frame in frames]


def title_of(run, path, text):
    """Title of an attention figure: whose model, which recording, what it reads."""
    said = f"reads: {text}" if text else "reads no word"
    return f"run {run.folder.name} ({run.variant}), {Path(path).name}; {said}"
