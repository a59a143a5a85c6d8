"""What a model's attention gets of a recording, or of a section of it."""

from typing import NamedTuple

import torch

from speechbrain_pitchrope import inband
from speechbrain_pitchrope.dataio.audio import read_mono
from speechbrain_pitchrope.lobes.features import PitchFbank
from speechbrain_pitchrope.nnet import rotary
from speechbrain_pitchrope.nnet.attention import PitchRoPEMHA

MIN_SECONDS, MAX_SECONDS = 0.2, 60.0
"""Durations that can be drawn: five frames of an encoder, and maps of 1500 x 1500."""

LISTENING = ("theta", "similarity", "radius")
"""The switches of PitchRoPEMHA that make it use pitch."""

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
        notes = []
        for pair in pairs:
            parts = []
            for name, values in learned.items():
                if 0 <= pair < values.shape[1]:
                    numbers = values[self.head, pair].tolist()  # no "-0.00":
                    numbers = [f"{round(x, 2) + 0.0:.2f}" for x in numbers]
                    parts.append(f"{name} = {', '.join(numbers)}")
            notes.append("; ".join(parts))
        return notes


def untrained_head(path, offset=4.0, slope=0.2, even=1.0, odd=1.0, **section):
    """A head that nobody trained, with settings that show what each formula does.

    A new module computes plain RoPE, so its parameters are set here: c and rho of
    every rotary pair, c in radians an octave, rho the same for u v, v and e; and the
    sums of A and of B over the cosines of the bias, in logits.
    """
    features = PitchFbank(sample_rate=SAMPLE_RATE, n_mels=N_MELS)
    wav = read_speech(path, SAMPLE_RATE, **section)
    _, channels = inband.split(features(wav[None]))
    require_voice(channels, path)
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
    return Head(net, 0, channels[:, ::POOL_STRIDE], shift, start, name)


def trained_head(run, path, layer, head, switches=LISTENING, **section):
    """A head of a TrainedRun on a recording; one of the switches must be on."""
    require_heads(run, [layer], [head], switches)
    wav, _ = features_of(run, path, section)
    channels = encode(run, wav)[1][layer][1]
    name = f"run {run.folder.name} ({run.variant}), layer {layer}, head {head}"
    start = section.get("start", 0.0)
    return Head(run.attention[layer], head, channels, frame_shift(run), start, name)


def greedy_tokens(p_ctc, blank_index):
    """Frames at which the tokens of greedy CTC decoding begin, and the tokens."""
    best = p_ctc.argmax(-1)
    before = torch.nn.functional.pad(best[:-1], (1, 0), value=blank_index)
    frames = ((best != blank_index) & (best != before)).nonzero()[:, 0]
    return frames.tolist(), best[frames].tolist()


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


def frame_shift(run):
    """Seconds from frame to frame of a trained model's encoder."""
    hop_length = run.hparams["compute_features"].hop_length
    return run.modules["CNN"].pool_stride * hop_length / run.hparams["sample_rate"]


def features_of(run, path, section):
    """Samples of a recording of speech, and the mels that a TrainedRun gets of it."""
    wav = read_speech(path, run.hparams["sample_rate"], **section)
    compute_features = run.hparams["compute_features"]
    features, channels = inband.split(compute_features(wav[None])[0])
    require_voice(channels, path)
    return wav, features[:, : compute_features.compute_fbanks.n_mels]


def read_speech(path, sample_rate, longest=MAX_SECONDS, **section):
    """Samples [N] of a recording; ValueError if it is too short or too long to draw."""
    wav = read_mono(path, sample_rate, **section)
    seconds = len(wav) / sample_rate
    if not MIN_SECONDS <= seconds <= longest:
        raise ValueError(
            f"{path} gives {seconds:.3f} s to draw, expected {MIN_SECONDS:g} to "
            f"{longest:g} s of speech: choose a part with --start and --end, or "
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


def require_heads(run, layers, heads, switches=LISTENING):
    """Refuse a run in which these switches are off, or which has no such heads."""
    nets = run.attention
    settings = {name: getattr(nets[0], name) for name in switches} if nets else {}
    if set(settings.values()) <= {"none"}:
        off = ", ".join(f"{name}: none" for name in settings) or "no pitch attention"
        raise ValueError(
            f"{run.folder} is a run of variant {run.variant!r} ({off}): it has no "
            "pitch parameters to show here; give a run of a variant with "
            f"{' or '.join(switches)}"
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
