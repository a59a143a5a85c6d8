"""What a model's attention gets of a recording, as arrays for the figures."""

from typing import NamedTuple

import numpy as np
import torch

from speechbrain_pitchrope import inband
from speechbrain_pitchrope.dataio.audio import read_mono
from speechbrain_pitchrope.figures.attention import HeadMaps
from speechbrain_pitchrope.lobes.features import PitchFbank
from speechbrain_pitchrope.nnet import dense, rotary
from speechbrain_pitchrope.nnet.attention import PitchRoPEMHA

MIN_SECONDS, MAX_SECONDS = 0.2, 60.0
"""Durations that can be drawn: five frames of an encoder, and maps of 1500 x 1500."""

LISTENING = ("theta", "similarity", "radius")
"""The switches of PitchRoPEMHA that make it use pitch."""

MAX_HEADS = 4
"""Most heads that are drawn if none are named."""

SAMPLE_RATE, N_MELS, HEAD_DIM, POOL_STRIDE = 16000, 80, 64, 4
"""What stands in for a checkpoint's settings; a head as in ``conformer_large``."""


class Head(NamedTuple):
    """Head number ``head`` of an attention layer, and the pitch channels [1, T, 4] that
    it gets of a recording from ``start`` s on; the name is for a title."""

    net: PitchRoPEMHA
    head: int
    channels: torch.Tensor
    frame_shift: float
    start: float
    name: str

    @property
    def f0_hz(self):
        """f0 as the head gets it, 0 where unvoiced: array of shape [T]."""
        return inband.f0_in_hz(self.channels)[0].numpy()

    def rotations(self):
        """r exp(j theta) of standard RoPE and of this head: complex [T, head_dim/2]."""
        net, n_frames = self.net, self.channels.shape[1]
        rope = PitchRoPEMHA(
            net.num_heads * net.head_dim,
            net.num_heads,
            **dict.fromkeys(LISTENING, "none"),
        )
        shape = (1, n_frames, net.num_heads, net.head_dim // 2)
        with torch.no_grad():
            both = (
                rope.rotation(n_frames),
                net.rotation(n_frames, inband.unpack(self.channels)),
            )
        return tuple(
            torch.complex(*rotation).expand(shape)[0, :, self.head] for rotation in both
        )

    def kernels(self):
        """Kernels of both ``rotations``, and the similarity bias: each [T, T]."""
        standard, adapted = (
            dense.rotation_kernel(rotation.real[:, None], rotation.imag[:, None])[0]
            for rotation in self.rotations()
        )
        bias = dense.similarity_bias(self.net, inband.unpack(self.channels))
        return standard, adapted, bias[0, self.head]

    def notes(self, pairs):
        """c (or a) and rho of each of these rotary pairs, as text; none of what is off.

        Those of "offset" are radians an octave.
        """
        net, count = self.net, self.net.head_dim // 2
        notes = {pair: [] for pair in pairs if 0 <= pair < count}
        for pair, parts in notes.items():
            if net.theta != "none":
                letter = "c" if net.theta == "offset" else "a"
                parts.append(f"{letter} = {_rounded(net.rate()[self.head, pair])}")
            if net.radius != "none":
                slopes = net.radius_slope[self.head, pair]
                parts.append(f"rho = {', '.join(map(_rounded, slopes))}")
        return ["; ".join(notes.get(pair, [])) for pair in pairs]


def _rounded(value):
    """Two decimals, and no minus before a zero."""
    return f"{round(value.item(), 2) + 0.0:.2f}"


def untrained_head(path, offset=4.0, slope=0.2, even=1.0, odd=1.0, **section):
    """A head that nobody trained, with settings that show what each formula does.

    A new module computes plain RoPE, so its parameters are set here: c and rho of
    every rotary pair, c in radians an octave, rho the same for u v, v and e; and the
    sums of A and of B over the cosines of the bias, in logits.
    """
    features = PitchFbank(sample_rate=SAMPLE_RATE, n_mels=N_MELS)
    _, channels = inband.split(
        features(read_speech(path, SAMPLE_RATE, **section)[None])
    )
    require_voice(channels, path)
    net = PitchRoPEMHA(HEAD_DIM, 1, radius="exp" if slope else "none")
    with torch.no_grad():
        net.theta_offset.fill_(offset / rotary.OFFSET_UNIT)
        net.similarity_even.fill_(even / net.similarity_even.shape[1])
        net.similarity_odd.fill_(odd / net.similarity_odd.shape[1])
        if slope:
            net.radius_slope.fill_(slope)
    shift = POOL_STRIDE * features.hop_length / SAMPLE_RATE
    name = f"untrained, c = {offset:g}, rho = {slope:g}"
    if even or odd:
        name += f", A = {even:g}, B = {odd:g}"
    start = section.get("start", 0.0)
    return Head(net, 0, channels[:, ::POOL_STRIDE], shift, start, name)


def trained_head(run, path, layer, head, switches=LISTENING, **section):
    """A head of a TrainedRun on a recording; one of the switches must be on."""
    require_listening(run, switches)
    require_heads(run, [layer], [head])
    wav = read_speech(path, run.hparams["sample_rate"], **section)
    require_voice(inband.split(run.hparams["compute_features"](wav[None]))[1], path)
    channels = hear(run, wav).channels[layer]
    name = f"run {run.folder.name} ({run.variant}), layer {layer}, head {head}"
    start = section.get("start", 0.0)
    return Head(run.attention[layer], head, channels, frame_shift(run), start, name)


class AttentionMaps(NamedTuple):
    """What ``attention_figure`` draws, in its order, and the text of the tokens."""

    mels_db: np.ndarray
    mel_shift: float
    heads: list
    frame_shift: float
    tokens: list
    text: str


def attention_maps(run, path, layers=None, heads=None, **section):
    """Attention of a TrainedRun with pitch on, and zeroed in all layers.

    Of the last layer and all heads, four at most, if none are named.
    """
    n_heads = run.attention[0].num_heads if run.attention else 0
    layers = [len(run.attention) - 1] if layers is None else layers
    heads = range(min(n_heads, MAX_HEADS)) if heads is None else heads
    require_listening(run)
    require_heads(run, layers, heads)
    wav = read_speech(path, run.hparams["sample_rate"], **section)
    compute_features = run.hparams["compute_features"]
    features, channels = inband.split(compute_features(wav[None])[0])
    mels = features[:, : compute_features.compute_fbanks.n_mels]  # no other stream
    require_voice(channels, path)
    with_pitch, without_pitch = hear(run, wav), hear(run, wav, pitch=False)
    maps = []
    for layer in layers:
        on, zeroed = (
            dense.attention_weights(
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
    shift, start = frame_shift(run), section.get("start", 0.0)
    frames, ids = greedy_tokens(with_pitch.p_ctc, run.hparams["blank_index"])
    return AttentionMaps(
        mels.numpy(),
        compute_features.hop_length / run.hparams["sample_rate"],
        maps,
        shift,
        [
            (start + frame * shift, run.tokenizer.id_to_piece(i))
            for frame, i in zip(frames, ids, strict=True)
        ],
        run.tokenizer.decode_ids(ids),
    )


def greedy_tokens(p_ctc, blank_index):
    """Frames at which the tokens of greedy CTC decoding begin, and the tokens.

    Example
    -------
    >>> best = torch.tensor([0, 3, 3, 0, 3, 1])
    >>> greedy_tokens(torch.nn.functional.one_hot(best).float(), blank_index=0)
    ([1, 4, 5], [3, 3, 1])
    """
    best = p_ctc.argmax(-1)
    before = torch.nn.functional.pad(best[:-1], (1, 0), value=blank_index)
    frames = ((best != blank_index) & (best != before)).nonzero()[:, 0]
    return frames.tolist(), best[frames].tolist()


class Hearing(NamedTuple):
    """A pass over a recording: query input, ``pos_embs`` and ``attn_mask`` of each
    attention layer, and the log-probabilities of the CTC tokens, [T, output_neurons].
    """

    inputs: list
    channels: list
    masks: list
    p_ctc: torch.Tensor


def hear(run, wav, pitch=True):
    """Run a trained model over samples [N], and note what its attention gets.

    Without pitch, attention gets zeros for it in every layer.
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


def frame_shift(run):
    """Seconds from frame to frame of a trained model's encoder."""
    hop_length = run.hparams["compute_features"].hop_length
    return run.modules["CNN"].pool_stride * hop_length / run.hparams["sample_rate"]


def read_speech(path, sample_rate, **section):
    """Samples [N] of a recording; ValueError if it is too short or too long to draw."""
    wav = read_mono(path, sample_rate, **section)
    seconds = len(wav) / sample_rate
    if not MIN_SECONDS <= seconds <= MAX_SECONDS:
        raise ValueError(
            f"{path} gives {seconds:.3f} s to draw, expected {MIN_SECONDS:g} to "
            f"{MAX_SECONDS:g} s of speech: choose a part with --start and --end, or "
            "give another recording"
        )
    return wav


def require_voice(channels, path):
    """Refuse pitch channels [..., T, 4] of which no frame is voiced."""
    voicing = inband.unpack(channels).voicing
    if voicing.max() < inband.VOICED:
        raise ValueError(
            f"{path} holds no speech that has a pitch: of its {voicing.shape[-1]} "
            f"frames none is voiced (the highest probability of voicing is "
            f"{voicing.max():.2f}, a voiced frame has {inband.VOICED} or more); give a "
            "recording of someone speaking, not too faint"
        )


def require_listening(run, switches=LISTENING):
    """Refuse a run whose attention has no pitch where we want to look."""
    nets = run.attention
    settings = {name: getattr(nets[0], name) for name in switches} if nets else {}
    if set(settings.values()) <= {"none"}:
        off = ", ".join(f"{name}: none" for name in settings) or "no pitch attention"
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
