"""One attention head and what it hears of a recording: for the figures of one head."""

import math
from typing import NamedTuple

import torch

from speechbrain_pitchrope import inband
from speechbrain_pitchrope.cli.plots.hearing import (
    LISTENING,
    frame_shift,
    hear,
    pitch_of,
    read_speech,
    require_heads,
    require_listening,
    require_voice,
)
from speechbrain_pitchrope.lobes.features import PitchFbank
from speechbrain_pitchrope.lobes.models.convolution import PitchConvolutionFrontEnd
from speechbrain_pitchrope.nnet import dense, rotary, similarity
from speechbrain_pitchrope.nnet.attention import PitchRoPEMHA

SAMPLE_RATE, N_MELS, HEAD_DIM = 16000, 80, 64
"""What stands in for a checkpoint's settings; a head as in ``conformer_large``."""


class Head(NamedTuple):
    """One attention head, and what it hears of one recording.

    Arguments
    ---------
    net : PitchRoPEMHA
        The attention layer.
    head : int
        Number of the head in it.
    channels : torch.Tensor
        Pitch channels as the layer gets them, shape [1, T, 4].
    frame_shift : float
        Seconds from frame to frame.
    name : str
        For a title: whose head, and what it does with pitch.
    """

    net: PitchRoPEMHA
    head: int
    channels: torch.Tensor
    frame_shift: float
    name: str

    @property
    def f0_hz(self):
        """f0 as the head hears it, 0 where unvoiced: array of shape [T]."""
        return inband.f0_in_hz(self.channels)[0].numpy()

    def rotations(self):
        """r exp(j theta) of standard RoPE, and as this head adapts it to pitch.

        Returns
        -------
        standard, adapted : torch.Tensor
            Complex, shape [T, head_dim / 2].
        """
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
        """Position-to-position kernels of ``rotations``, and the similarity bias.

        Returns
        -------
        standard, adapted, bias : torch.Tensor
            Shape [T, T].
        """
        standard, adapted = (
            dense.rotation_kernel(rotation.real[:, None], rotation.imag[:, None])[0]
            for rotation in self.rotations()
        )
        bias = dense.similarity_bias(self.net, inband.unpack(self.channels))
        return standard, adapted, bias[0, self.head]

    def notes(self, pairs):
        """a and rho of each of these rotary pairs, as text; none of what is off."""
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


def untrained_head(path, rate=0.4, slope=0.2, weight=1.0):
    """A head that nobody trained, with settings that show what each formula does.

    A new module computes plain RoPE, so its parameters are set here.

    Arguments
    ---------
    path : str
        The recording.
    rate : float
        a of every rotary pair, within +-0.667.
    slope : float
        rho of every rotary pair, the same for u v, v and e.
    weight : float
        beta, the weight of the similarity bias, in logits.

    Returns
    -------
    Head

    Raises
    ------
    ValueError
        If the rate is out of its range or a setting not finite, or if the recording is
        no speech.
    """
    if not abs(rate) < rotary.MAX_RATE:
        raise ValueError(
            f"the rate is {rate}: a stays within +-{rotary.MAX_RATE:.3f}, or clocks "
            "would run backwards"
        )
    for name, value in (("slope", slope), ("weight", weight)):
        if not math.isfinite(value):
            raise ValueError(f"the {name} is {value}: give a finite number")
    features = PitchFbank(sample_rate=SAMPLE_RATE, n_mels=N_MELS)
    feats = features(read_speech(path, SAMPLE_RATE)[None])
    require_voice(inband.split(feats)[1], path)
    front_end = PitchConvolutionFrontEnd(
        input_shape=(8, 10, N_MELS),
        num_blocks=2,
        num_layers_per_block=1,
        out_channels=(1, 1),
        kernel_sizes=(3, 3),
        strides=(2, 2),
        residuals=(False, False),
    )
    net = PitchRoPEMHA(
        HEAD_DIM,
        1,
        theta="phase",
        similarity="gaussian",
        radius="exp" if slope else "none",
    )
    with torch.no_grad():
        _, channels = inband.split(front_end(feats))
        bound = rotary.MAX_RATE
        net.theta_rate.fill_(bound * math.atanh(rate / bound))
        net.similarity_weight.fill_(weight)
        if slope:
            net.radius_slope.fill_(slope)
    sigma = similarity.bandwidth(net.similarity_bandwidth).item()
    shift = front_end.pool_stride * features.hop_length / SAMPLE_RATE
    name = f"untrained, a = {rate:g}, rho = {slope:g}"
    if weight:
        name += f", beta = {weight:g}, sigma = {sigma:.2f}"
    return Head(net, 0, channels, shift, name)


def trained_head(run, path, layer, head, switches=LISTENING):
    """A head of a trained model on a recording.

    Arguments
    ---------
    run : speechbrain_pitchrope.runs.trained.TrainedRun
        The model.
    path : str
        The recording.
    layer, head : int
        Counted from 0, as in ``learned_pitch.txt``.
    switches : sequence of str
        Those of PitchRoPEMHA of which one at least must be on for something to show.

    Returns
    -------
    Head

    Raises
    ------
    ValueError
        If there is no such layer or head, if attention doesn't listen to pitch in this
        variant, or if the recording is no speech.
    """
    require_listening(run, switches)
    require_heads(run, [layer], [head])
    wav = read_speech(path, run.hparams["sample_rate"])
    require_voice(pitch_of(run, wav), path)
    channels = hear(run, wav).channels[layer]
    name = f"run {run.folder.name} ({run.variant}), layer {layer}, head {head}"
    return Head(run.attention[layer], head, channels, frame_shift(run), name)
