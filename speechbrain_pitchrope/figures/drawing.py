"""From a recording and a model to each figure of ``pitchrope plot``.

``section`` is what ``read_mono`` takes: ``start``, ``end`` and ``channel``. The model
gets nothing else of the recording.
"""

import math
from pathlib import Path
from typing import NamedTuple

import torch

from speechbrain_pitchrope import inband
from speechbrain_pitchrope.dataio.audio import read_mono
from speechbrain_pitchrope.figures.attention import (
    attention_figure,
    rotation_figure,
    similarity_figure,
)
from speechbrain_pitchrope.figures.pitch import pitch_figure
from speechbrain_pitchrope.figures.style import Frames
from speechbrain_pitchrope.lobes.features import PitchFbank
from speechbrain_pitchrope.nnet import rotary
from speechbrain_pitchrope.nnet.attention import PitchRoPEMHA

# Durations that can be drawn: five frames of an encoder, and maps of 1500 x 1500.
MIN_SECONDS, MAX_SECONDS = 0.2, 60.0
SHOWN_SECONDS = 8.0  # of rotations and attention maps, if no end is given
MAX_HEADS = 4  # that are drawn if none are named

# What stands in for a checkpoint's settings; a head as in conformer_large.
SAMPLE_RATE, N_MELS, HEAD_DIM, POOL_STRIDE = 16000, 80, 64, 4

LISTENING = ("theta", "similarity", "radius")
"""The switches of PitchRoPEMHA that make it use pitch."""


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

    @torch.no_grad()
    def rotations(self):
        """r exp(j theta) of standard RoPE and of this head: complex [T, head_dim/2]."""
        net, n_frames = self.net, self.channels.shape[1]
        omega = rotary.FREQUENCIES["rope"](net.head_dim, torch.float32, "cpu")
        theta = rotary.unmodulated_angles(n_frames, omega)[:, 0]
        standard = torch.polar(torch.ones_like(theta), theta)
        polar = rotary.polar(*net.polar(n_frames, inband.unpack(self.channels)))
        heads = torch.complex(*polar).expand(1, n_frames, net.num_heads, -1)
        return standard, heads[0, :, self.head]

    def kernels(self):
        """Kernels of both ``rotations``, and the similarity bias: each [T, T].

        A kernel is what the rotation alone gives to queries and keys of ones: the mean
        over the pairs of r_m r_n cos(theta_m - theta_n).
        """
        standard, adapted = ((z @ z.mH).real / z.shape[-1] for z in self.rotations())
        bias = self.net.similarity_bias(inband.unpack(self.channels)).detach()
        return standard, adapted, bias[0, self.head]

    def notes(self, pairs):
        """c (in radians an octave, or a) and rho of these rotary pairs, as text."""
        net, learned = self.net, {}
        if net.theta != "none":
            learned["c" if net.theta == "offset" else "a"] = net.rate()[..., None]
        if net.radius != "none":
            learned["rho"] = net.radius_slope

        def note(name, values):
            numbers = (round(x, 2) + 0.0 for x in values.tolist())  # no "-0.00"
            return f"{name} = {', '.join(f'{x:.2f}' for x in numbers)}"

        count = range(net.head_dim // 2)  # the figure says which pairs do not exist
        return [
            "; ".join(
                note(k, x[self.head, i]) for k, x in learned.items() if i in count
            )
            for i in pairs
        ]


def untrained_head(path, offset=4.0, slope=0.2, even=1.0, odd=1.0, **section):
    """A head that nobody trained, with settings that show what each formula does.

    A new module computes plain RoPE, so its parameters are set here: c and rho of
    every rotary pair, c in radians an octave, rho the same for u v, v and e; and the
    sums of A and of B over the cosines of the bias, in logits.
    """
    features = PitchFbank(sample_rate=SAMPLE_RATE, n_mels=N_MELS)
    channels = speech_and_features(path, features, **section)[2]
    net = PitchRoPEMHA(HEAD_DIM, 1)
    with torch.no_grad():
        net.theta_offset.fill_(offset / rotary.OFFSET_UNIT)
        net.similarity_even.fill_(even / net.similarity_even.shape[1])
        net.similarity_odd.fill_(odd / net.similarity_odd.shape[1])
        net.radius_slope.fill_(slope)
    shift = POOL_STRIDE * features.hop_length / SAMPLE_RATE
    name = f"untrained, c = {offset:g}, rho = {slope:g}"
    if even or odd:
        name += f", A = {even:g}, B = {odd:g}"
    start = section.get("start", 0.0)
    return Head(net, 0, channels[None, ::POOL_STRIDE], shift, start, name)


def trained_head(run, path, layer, head, switches=LISTENING, **section):
    """A head of a TrainedRun on a recording; one of the switches must be on."""
    require_heads(run, [layer], [head], switches)
    wav, *_ = speech_and_features(path, run.hparams["compute_features"], **section)
    channels = encode(run, wav)[1][layer][1]
    name = f"run {run.folder.name} ({run.variant}), layer {layer}, head {head}"
    start = section.get("start", 0.0)
    return Head(run.attention[layer], head, channels, frame_shift(run), start, name)


def speech_and_features(path, features, **section):
    """Samples [N] of a recording; mels [T, n_mels] and pitch [T, 4] of a PitchFbank.

    A recording that is too short or too long to draw, or has no pitch, is a ValueError.
    """
    sample_rate = features.compute_STFT.sample_rate
    wav = read_mono(path, sample_rate, **section)
    seconds = len(wav) / sample_rate
    if not MIN_SECONDS <= seconds <= MAX_SECONDS:
        raise ValueError(
            f"{path} gives {seconds:.3f} s to draw, expected {MIN_SECONDS:g} to "
            f"{MAX_SECONDS:g} s of speech: choose a part with --start and --end"
        )
    with torch.no_grad():
        mels, channels = inband.split(features(wav[None])[0])
    voicing = inband.unpack(channels).voicing
    if voicing.max() < inband.VOICED:
        raise ValueError(
            f"{path} holds no speech that has a pitch: of its {len(voicing)} frames "
            f"none is voiced (probability of voicing at most {voicing.max():.2f}, a "
            f"voiced frame has {inband.VOICED}); give speech that is not too faint, "
            "with an f0 within the tracker's range"
        )
    return wav, mels[:, : features.compute_fbanks.n_mels], channels


def encode(run, wav, pitch=True):
    """Run a trained model over samples [N], and note what its attention gets.

    Returns log-probabilities of the CTC tokens, [T, output_neurons], and for each layer
    what its ``attention_weights`` takes. Without pitch, attention gets zeros for it.
    """
    inputs = []

    def note(_, args, kwargs):
        if not pitch:
            kwargs["pos_embs"] = torch.zeros_like(kwargs["pos_embs"])
        inputs.append((args[0], kwargs["pos_embs"], None, kwargs.get("attn_mask")))
        return args, kwargs

    hooks = [
        net.register_forward_pre_hook(note, with_kwargs=True) for net in run.attention
    ]
    try:
        _, p_ctc = run.encode(wav[None])
    finally:
        for hook in hooks:
            hook.remove()
    return p_ctc[0], inputs


def greedy_tokens(p_ctc, blank_index):
    """Frames at which the tokens of greedy CTC decoding begin, and the tokens."""
    best = p_ctc.argmax(-1)
    before = torch.nn.functional.pad(best[:-1], (1, 0), value=blank_index)
    frames = ((best != blank_index) & (best != before)).nonzero()[:, 0]
    return frames.tolist(), best[frames].tolist()


def frame_shift(run):
    """Seconds from frame to frame of a trained model's encoder."""
    hop_length = run.hparams["compute_features"].hop_length
    return run.modules["CNN"].pool_stride * hop_length / run.hparams["sample_rate"]


def use_pitch(nets, switches=LISTENING):
    """Whether a switch is on in attention layers, which have the same settings."""
    return any(getattr(net, name) != "none" for net in nets[:1] for name in switches)


def require_heads(run, layers, heads, switches=LISTENING):
    """Refuse a run in which these switches are off, or which has no such heads."""
    nets = run.attention
    if not use_pitch(nets, switches):
        raise ValueError(
            f"{run.folder} is a run of variant {run.variant!r}, which has no pitch "
            f"parameters to show here: give a run with {' or '.join(switches)}"
        )
    for name, wanted, count in (
        ("layer", layers, len(nets)),
        ("head", heads, nets[0].num_heads),
    ):
        missing = [str(i) for i in wanted if not 0 <= i < count]
        if missing:
            raise ValueError(
                f"there is no {name} {', '.join(missing)}: {run.folder} has {count}, "
                f"0 to {count - 1}"
            )


def draw_pitch(path, features, **section):
    """The figure of a recording's pitch, with the mels and f0 of a PitchFbank."""
    rate, bands = features.compute_STFT.sample_rate, features.compute_fbanks
    wav, mels, channels = speech_and_features(path, features, **section)
    frames = Frames(features.hop_length / rate, section.get("start", 0.0))
    f0_hz, voicing = inband.f0_in_hz(channels), inband.unpack(channels).voicing
    arrays = (array.numpy() for array in (mels, f0_hz, voicing))
    f_max = None if bands.f_min else bands.f_max
    return pitch_figure(wav.numpy(), rate, *arrays, frames, Path(path).name, f_max)


def draw_rotation(head, path, pairs=(0, 1, 2, 3), span=None):
    """The figure of a head's rotary pairs over one recording.

    ``span`` is the first and last second to show; by default the first 8 s.
    """
    frames, shown = shown_frames(head.frame_shift, head.start, len(head.f0_hz), span)
    arrays = (*(rotation.numpy() for rotation in head.rotations()), head.f0_hz)
    title = f"{Path(path).name}{shown}; {head.name}"
    return rotation_figure(*arrays, frames, pairs, head.notes(pairs), title)


def draw_similarity(head, path, span=None):
    """The figure of what positions and pitch add to a head's logits; all if no span."""
    span = span or (head.start, math.inf)
    frames, shown = shown_frames(head.frame_shift, head.start, len(head.f0_hz), span)
    arrays = (*(kernel.numpy() for kernel in head.kernels()), head.f0_hz)
    return similarity_figure(*arrays, frames, f"{Path(path).name}{shown}; {head.name}")


def draw_attention(run, path, layers=None, heads=None, span=None, **section):
    """The figure of a TrainedRun's attention, and with pitch zeroed in all layers.

    Of the last layer and all heads, four at most, if none are named.
    """
    layers = [len(run.attention) - 1] if layers is None else layers
    if heads is None:
        heads = range(min([MAX_HEADS, *(net.num_heads for net in run.attention)]))
    require_heads(run, layers, heads)
    features = run.hparams["compute_features"]
    wav, mels, _ = speech_and_features(path, features, **section)
    p_ctc, with_pitch = encode(run, wav)
    _, without_pitch = encode(run, wav, pitch=False)
    maps = {}
    for layer in layers:
        both = [
            run.attention[layer].attention_weights(*inputs[layer])[0].numpy()
            for inputs in (with_pitch, without_pitch)
        ]
        for head in heads:
            maps[f"layer {layer}, head {head}"] = [weights[head] for weights in both]
    shift, start = frame_shift(run), section.get("start", 0.0)
    places, ids = greedy_tokens(p_ctc, run.hparams["blank_index"])
    text, pieces = run.tokenizer.decode_ids(ids), map(run.tokenizer.id_to_piece, ids)
    times = (start + place * shift for place in places)
    tokens = list(zip(times, pieces, strict=True))
    frames, shown = shown_frames(shift, start, len(p_ctc), span)
    said = f"reads: {text}" if text else "reads no word"
    title = f"run {run.folder.name} ({run.variant}), {Path(path).name}{shown}; {said}"
    mel_shift = features.hop_length / run.hparams["sample_rate"]
    return attention_figure(mels.numpy(), mel_shift, maps, frames, tokens, title)


def shown_frames(shift, start, n_frames, span=None):
    """Frames to show, and what the title says if they are not all of a recording."""
    end = start + n_frames * shift
    first, last = span or (start, start + SHOWN_SECONDS)
    last = min(last, end)
    is_whole = start == first == 0 and last == end
    shown = "" if is_whole else f" ({first:.4g} to {last:.4g} s)"
    return Frames(shift, start, (first, last)), shown
