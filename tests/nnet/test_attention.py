"""PitchRoPEMHA: the fast path is the formulas, and RoPEMHA where pitch is off."""

import pytest
import torch
from speechbrain.nnet.attention import RoPEMHA

from speechbrain_pitchrope import inband
from speechbrain_pitchrope.nnet.attention import CHOICES, PitchRoPEMHA
from tests import reference
from tests.reference import assert_near, with_gradients
from tests.signals import pitch_channels

OFF = {"theta": "none", "similarity": "none", "radius": "none"}
SWITCHES = [
    OFF,
    *(OFF | {key: form} for key in OFF for form in CHOICES[key] if form != "none"),
    {"theta": "offset", "similarity": "cosines", "radius": "exp"},
    {"theta": "phase", "similarity": "gaussian", "radius": "exp"},
    {"theta": "utterance", "similarity": "laplacian", "radius": "sigmoid"},
]


each_form = pytest.mark.parametrize(
    "switches", SWITCHES, ids=lambda switches: "-".join(switches.values())
)


def trained(embed_dim=80, num_heads=2, seed=0, **settings):
    """A module whose parameters have moved away from zero, each head its own way."""
    torch.manual_seed(seed)
    net = PitchRoPEMHA(embed_dim, num_heads, **settings)
    for name, parameter in net.named_parameters():
        if name.startswith(("theta", "similarity", "radius")):
            std = 0.1 if name == "theta_offset" else 0.5  # 1.5 radians an octave
            torch.nn.init.normal_(parameter, std=std)
    return net


def frames(n_batch, n_frames, embed_dim=80, dtype=torch.float32):
    x = torch.randn(n_batch, n_frames, embed_dim, dtype=dtype)
    return x, pitch_channels(n_batch, n_frames, dtype=dtype)


def attend(net, x, pitch=None, **masks):
    return net(x, x, x, pos_embs=pitch, **masks)[0]


def padding(n_frames, *lengths):
    return torch.arange(n_frames) >= torch.tensor(lengths)[:, None]


def chunk_mask(n_frames, size=8):
    chunk = torch.arange(n_frames) // size
    return chunk[None, :] > chunk[:, None]


def outcome(function, net, x, pitch, **masks):
    """Output and gradients to x, to pitch and to all parameters."""
    inputs = x.clone().requires_grad_(), pitch.clone().requires_grad_()
    outputs = function(net, *inputs, **masks)
    return with_gradients(outputs, [*inputs, *net.parameters()])


@each_form
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("n_frames", [1, 50])
def test_starts_as_rope_whatever_the_pitch(switches, masked, n_frames):
    torch.manual_seed(1)
    upstream = RoPEMHA(144, 4, vbias=True)
    torch.nn.init.normal_(upstream.value_bias_weight)
    ours = PitchRoPEMHA(144, 4, vbias=True, **switches)
    missing, unexpected = ours.load_state_dict(upstream.state_dict(), strict=False)
    assert not unexpected and {*missing} < {*PitchRoPEMHA.PITCH_PARAMETERS}
    assert any(switch != "none" for switch in switches.values()) == bool(missing)
    x, pitch = frames(3, n_frames, 144)
    masks = {"key_padding_mask": padding(n_frames, n_frames, n_frames // 2 + 1, 1)}
    masks = masks | {"attn_mask": chunk_mask(n_frames)} if masked else {}
    expected = attend(upstream, x, **masks)
    assert_near(attend(ours, x, pitch, **masks), expected)
    assert_near(attend(ours, x, **masks), expected)


@each_form
def test_zero_pitch_is_rope_after_training_too(switches):
    net, upstream = trained(**switches), RoPEMHA(80, 2)
    upstream.load_state_dict(net.state_dict(), strict=False)
    x, pitch = frames(2, 30)
    assert_near(attend(net, x, 0 * pitch), attend(upstream, x))
    acts = (attend(net, x, pitch) - attend(net, x)).abs().max() > 1e-3
    assert acts == any(switch != "none" for switch in switches.values())


@each_form
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(
    "num_heads, head_dim, n_frames",
    [(2, 36, 40), (4, 40, 7), (1, 80, 33), (2, 64, 1), (2, 80, 2), (1, 36, 250)],
)
def test_fast_path_is_the_reference(switches, masked, num_heads, head_dim, n_frames):
    mask = padding(n_frames, n_frames, (3 * n_frames + 1) // 4, (n_frames + 3) // 4)
    masks = {"key_padding_mask": mask, "attn_mask": chunk_mask(n_frames)}
    net = trained(num_heads * head_dim, num_heads, **switches).double()
    given = frames(3, n_frames, num_heads * head_dim, torch.float64)
    found, expected = (
        outcome(function, net, *given, **(masks if masked else {}))
        for function in (attend, reference.attend)
    )
    assert_near(found, expected, 1e-8, 1e-7)


def test_dropout_is_the_reference_with_its_weights_dropped():
    net = trained(72).double()
    net.dropout = 0.25
    given = frames(3, 20, 72, torch.float64)
    mask = {"key_padding_mask": padding(20, 20, 13, 1)}
    torch.manual_seed(0)
    found = outcome(attend, net, *given, **mask)
    torch.manual_seed(0)
    kept = given[0].new_empty(3, 2, 20, 20).bernoulli_(0.75)
    expected = outcome(reference.attend, net, *given, **mask, kept=kept)
    assert_near(found, expected, 1e-9, 1e-7)


@pytest.mark.parametrize(
    "dtype, tolerance", [(torch.float32, 5e-4), (torch.bfloat16, 0.1)]
)
@pytest.mark.parametrize("n_frames, lengths", [(60, (60, 41)), (3000, (3000,))])
def test_precision_of_values_and_gradients(dtype, tolerance, n_frames, lengths):
    """Error in the norm of each, over the norm of the reference in double precision.

    After 3000 frames an angle is rounded to 1e-4 radians in single precision.
    """
    net, (x, pitch) = trained(36, 1), frames(len(lengths), n_frames, 36)
    mask = {"key_padding_mask": padding(n_frames, *lengths)}
    with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
        found = outcome(attend, net, x, pitch, **mask)
    net = net.double()
    expected = outcome(reference.attend, net, x.double(), pitch.double(), **mask)
    for ours, theirs in zip(found, expected, strict=True):
        assert (ours.double() - theirs).norm() < tolerance * theirs.norm()


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"theta": "utterance", "similarity": "laplacian", "radius": "sigmoid"},
        OFF,
        {"theta": "frame", "frequencies": "mel", "similarity": "none"},
    ],
)
def test_attention_weights_are_those_of_the_output(settings):
    """And the frequencies are those of the reference."""
    net, (x, pitch) = trained(**settings).double(), frames(2, 17, dtype=torch.float64)
    masks = {"key_padding_mask": padding(17, 17, 11), "attn_mask": chunk_mask(17)}
    weights = net.attention_weights(x, pitch, **masks)
    value = net._project(x).chunk(3, -1)[2]
    found = net.out_proj(torch.einsum("bhmn,bnhd->bmhd", weights, value).flatten(2))
    assert_near(found, attend(net, x, pitch, **masks))
    assert_near(found, reference.attend(net, x, pitch, **masks))
    without = net.attention_weights(x)
    assert_near(without, net.attention_weights(x, 0 * pitch))
    bias = net.similarity_bias(inband.unpack(pitch))
    assert bias.shape == weights.shape
    assert bias.any() == (net.similarity != "none")
    assert net.half().attention_weights(x.half(), pitch).dtype == torch.float32


@each_form
def test_a_padded_batch_is_its_utterances(switches):
    net, (x, pitch) = trained(**switches), frames(3, 25)
    lengths = (25, 17, 1)
    together = attend(net, x, pitch, key_padding_mask=padding(25, *lengths))
    for i, n_frames in enumerate(lengths):
        alone = attend(net, x[i : i + 1, :n_frames], pitch[i : i + 1, :n_frames])
        assert_near(together[i : i + 1, :n_frames], alone)


@pytest.mark.parametrize("theta", ["offset", "phase", "utterance"])
def test_only_what_lies_between_two_frames_matters(theta):
    """An earlier start shifts all angles alike and leaves the output as it was."""
    net = trained(theta=theta).double()
    x, pitch = frames(1, 47, dtype=torch.float64)
    pitch[:, :17] = pitch_channels(1, 17, seed=5, dtype=torch.float64)
    shifted = attend(net, x, pitch, key_padding_mask=torch.arange(47)[None] < 17)
    assert_near(shifted[:, 17:], attend(net, x[:, 17:], pitch[:, 17:]), 1e-9)


@each_form
def test_first_update_moves_every_enhancement(switches):
    """At zero each parameter has a gradient; the bandwidth waits for its weight."""
    torch.manual_seed(0)
    new, moved = PitchRoPEMHA(80, 2, **switches), trained(seed=3, **switches)
    for net in (new, moved):
        out = attend(net, *frames(2, 30), key_padding_mask=padding(30, 30, 20))
        out.square().sum().backward()
        for name, parameter in net.named_parameters():
            waits = net is new and name == "similarity_bandwidth"
            assert parameter.grad.isfinite().all(), name
            assert bool(parameter.grad.any()) != waits, name


def test_adam_moves_the_offset_as_fast_as_other_parameters():
    """After as many updates c is as large, over what it needs, as a weight is."""
    torch.manual_seed(0)
    net = PitchRoPEMHA(80, 2)
    before = {name: x.detach().clone() for name, x in net.named_parameters()}
    optimizer = torch.optim.Adam(net.parameters(), lr=0.003)
    x, pitch = frames(2, 30)
    for _ in range(20):
        optimizer.zero_grad()
        (attend(net, x, pitch) - x.roll(1, 0)).square().sum().backward()
        optimizer.step()
    moved = {k: (x - before[k]).square().mean() for k, x in net.named_parameters()}
    assert moved["theta_offset"] > 0.5**2 * moved["in_proj_weight"]


def test_200_steps_in_half_precision_stay_finite():
    """Under autocast, towards a target that pitch alone tells; one row is padding."""
    torch.manual_seed(0)
    net, (x, pitch) = PitchRoPEMHA(16, 2), frames(4, 24, 16)
    mask, target = padding(24, 24, 15, 1, 0), pitch[..., :1].cumsum(1).sin()
    optimizer = torch.optim.Adam(net.parameters(), lr=0.02)
    losses = []
    for _ in range(200):
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            out = attend(net, x, pitch, key_padding_mask=mask)
        loss = (out.float() - target)[~mask].square().mean()
        loss.backward()
        assert out.isfinite().all()
        for name, parameter in net.named_parameters():
            assert parameter.grad.isfinite().all(), name
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


def test_wrong_settings_are_named():
    for complaint, settings in {
        "theta is 'speed': choose one of": {"theta": "speed"},
        "similarity is 'cosine'.*'odd_cosines'": {"similarity": "cosine"},
        "radius is True": {"radius": True},
        "a head has 5 dimensions": {"embed_dim": 15, "num_heads": 3},
    }.items():
        with pytest.raises(ValueError, match=complaint):
            PitchRoPEMHA(**{"embed_dim": 80, "num_heads": 2, **settings})


def test_wrong_inputs_are_named():
    net, x = PitchRoPEMHA(80, 2), torch.randn(1, 10, 80)
    for complaint, inputs in {
        "expected pitch channels": {"pos_embs": torch.zeros(1, 19, 80)},
        r"shape \[1, 9, 4\]": {"pos_embs": torch.zeros(1, 9, 4)},
        "attn_mask is of torch.float32": {"attn_mask": torch.zeros(10, 10)},
    }.items():
        with pytest.raises(ValueError, match=complaint):
            net(x, x.clone(), x, **inputs)
    for other in (x[:, :7], x + 1):
        with pytest.raises(ValueError, match="is self-attention: give the same tensor"):
            net(x, other, x)


@pytest.mark.parametrize(
    "switch, ours, theirs",
    [
        ("theta", "offset", "phase"),
        ("similarity", "cosines", "gaussian"),
        ("similarity", "laplacian", "cosines"),
        ("theta", "phase", "frame"),  # of one parameter name
        ("frequencies", "mel", "rope"),  # of no parameter
    ],
)
@pytest.mark.parametrize("strict", [True, False])
def test_weights_of_another_form_are_refused_by_name(switch, ours, theirs, strict):
    net = torch.nn.Sequential(PitchRoPEMHA(80, 2, **{switch: ours}))
    weights = torch.nn.Sequential(PitchRoPEMHA(80, 2, **{switch: theirs})).state_dict()
    complaint = f"0 is of {switch}: {ours}.*the weights are of another form"
    with pytest.raises(RuntimeError, match=complaint):
        net.load_state_dict(weights, strict=strict)


def test_weights_of_an_enhancement_that_is_off_may_be_left_out():
    weights, net = trained().state_dict(), PitchRoPEMHA(80, 2, theta="none")
    missing, unexpected = net.load_state_dict(weights, strict=False)
    assert (missing, unexpected) == ([], ["theta_offset"])
