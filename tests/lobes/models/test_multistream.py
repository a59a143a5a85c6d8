"""What adds to the encoder's input: nothing at the start, causal, zeros add nothing."""

import pytest
import torch

from speechbrain_pitchrope.lobes.models.convolution import join_frames
from speechbrain_pitchrope.lobes.models.multistream import (
    FLOOR,
    MultiStream,
    PitchInput,
    WaveformStream,
    check_streams,
    frame_samples,
    require_samples,
)
from tests.reference import assert_near
from tests.signals import pitch_channels, utterance


class PitchAlone(PitchInput):
    """PitchInput with MultiStream's arguments."""

    def forward(self, src, _samples, channels):
        return super().forward(src, channels)


NETS = {
    "pitch_input": lambda: PitchAlone(12, 8),
    "multistream": lambda: MultiStream(12, n_channels=8),
    "waveform": lambda: MultiStream(12, ("spectrogram", "waveform"), n_channels=8),
    "pitch": lambda: MultiStream(12, ("spectrogram", "pitch"), n_channels=8),
}


@pytest.fixture(params=NETS)
def kind(request):
    return request.param


def frames_of(wav, n_frames):
    """The first n_frames encoder frames of a waveform, [1, n_frames, 640]."""
    return wav[: n_frames * 640].view(1, n_frames, 640)


def trained(kind):
    """As if trained: what is zero at the start no longer is."""
    torch.manual_seed(0)
    net = NETS[kind]()
    for parameter in net.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter)
    return net


def inputs(n_frames=9):
    torch.manual_seed(1)
    samples = frames_of(utterance(seconds=0.5), n_frames)
    return torch.randn(1, n_frames, 12), samples, pitch_channels(1, n_frames)


def test_what_starts_at_zero_learns_first_and_all_else_after_it(kind):
    net, (src, *others) = NETS[kind](), inputs()
    assert torch.equal(net(src, *others), src)
    zeros = [parameter for parameter in net.parameters() if not parameter.any()]
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    net(src, *others).square().sum().backward()
    assert zeros and all(parameter.grad.any() for parameter in zeros)
    optimizer.step()
    optimizer.zero_grad()
    net(src, *others).square().sum().backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad.any(), name
        assert parameter.grad.isfinite().all(), name


@pytest.mark.parametrize("n_frames", [0, 1, 3, 8])
def test_padding_adds_nothing(kind, n_frames):
    """Neither to itself nor to others, and its gradient is finite."""
    net, (src, *others) = trained(kind), inputs()
    for x in others:
        x[:, n_frames:] = 0
    together = net(src, *others)
    assert torch.equal(together[:, n_frames:], src[:, n_frames:])
    if n_frames > 0:
        alone = net(*(x[:, :n_frames] for x in (src, *others)))
        assert_near(together[:, :n_frames], alone, 1e-5)
    together.square().sum().backward()
    assert all(p.grad.isfinite().all() for p in net.parameters())


@pytest.mark.parametrize("kind", ["pitch_input", "pitch"])
def test_a_frame_without_pitch_gets_nothing_whatever_its_neighbours(kind):
    net, (src, samples, channels) = trained(kind), inputs()
    channels[:, 4] = 0
    added = (net(src, samples, channels) - src).abs().amax(-1)[0]
    assert added[4] == 0
    assert (added[[3, 5]] > 0).all()


def test_stretches_with_history_are_the_whole(kind):
    net, (src, *others) = trained(kind), inputs()
    stretches = [
        net(src[:, t : t + 2], *(x[:, max(0, t - net.history) : t + 2] for x in others))
        for t in range(0, 9, 2)
    ]
    assert_near(torch.cat(stretches, 1), net(src, *others), 1e-5)


@pytest.mark.parametrize("gain", [0.1, 3.0])
def test_a_gain_hardly_matters(gain):
    torch.manual_seed(0)
    net, noise = WaveformStream(12, 8), frames_of(0.3 * torch.randn(6400), 9)
    expected = net(noise)
    assert (net(gain * noise) - expected).norm() < 0.02 * expected.norm()
    assert (net(noise.flip(2)) - expected).norm() > 0.2 * expected.norm()


@pytest.mark.parametrize("index", [4, 15, 30])
@pytest.mark.parametrize("phase", [0.0, 0.8])
def test_filters_are_a_spectrogram_at_the_start(index, phase):
    """A full-scale sine has most power in its filter, as much as FLOOR quotes."""
    centre_hz = 700 * ((1 + 8000 / 700) ** ((index + 1) / 41) - 1)
    time = torch.arange(6400) / 16000
    sine = torch.sin(2 * torch.pi * centre_hz * time + phase)
    with torch.no_grad():
        log_powers = WaveformStream(12, 8).log_powers(frames_of(sine, 10))[0, 20]
    assert log_powers.argmax() == index
    assert log_powers[index].expm1() * FLOOR == pytest.approx(133, rel=0.02)


def test_bfloat16_is_near_single_precision(kind):
    net, (src, *others) = trained(kind), inputs()
    expected = net(src, *others)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = net(src, *others)
    assert (found - expected).abs().mean() < 0.05 * (expected - src).abs().mean() + 0.02


@pytest.mark.parametrize("n_samples", [1, 159, 160, 161, 1600, 1759])
@pytest.mark.parametrize("n_hops", [1, 4])
def test_cut_and_joined_it_is_the_waveform(n_samples, n_hops):
    wavs, n_frames = torch.randn(2, n_samples), n_samples // 160 + 1
    frames = frame_samples(wavs, n_frames)
    assert frames.shape == (2, n_frames, 160)
    joined = join_frames(frames, -(-n_frames // n_hops), n_hops).flatten(1)
    assert torch.equal(joined[:, :n_samples], wavs)
    assert not joined[:, n_samples:].any()


def test_wrong_streams_and_a_waveform_that_was_normalised_are_named():
    for streams in ([], ["waveform"], ["spectrogram", "f0"], 2 * ["spectrogram"]):
        with pytest.raises(ValueError, match=r"streams is \[.*give spectrogram, and"):
            check_streams(streams)
    samples = 3 * torch.randn(2, 7, 160)
    with pytest.raises(ValueError, match=r"found samples up to .*`n_features"):
        require_samples(samples, "PitchConformerEncoder")
    for harmless in (samples / 20, samples[..., :0]):
        require_samples(harmless, "PitchConformerEncoder")
