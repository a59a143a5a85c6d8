"""PitchRoPEMHA: the fast path is the formulas, and RoPEMHA where pitch is off."""

import pytest
import torch
from speechbrain.nnet.attention import RoPEMHA

from speechbrain_pitchrope.nnet.attention import PitchRoPEMHA
from tests import reference
from tests.signals import pitch_channels

SWITCHES = [
    {"theta": "offset", "similarity": "none", "radius": "none"},
    {"theta": "none", "similarity": "cosines", "radius": "none"},
    {"theta": "none", "similarity": "even_cosines", "radius": "none"},
    {"theta": "none", "similarity": "odd_cosines", "radius": "none"},
    {"theta": "none", "similarity": "none", "radius": "exp"},
    {"theta": "offset", "similarity": "cosines", "radius": "exp"},
    {"theta": "phase", "similarity": "none", "radius": "none"},
    {"theta": "none", "similarity": "gaussian", "radius": "none"},
    {"theta": "phase", "similarity": "gaussian", "radius": "exp"},
    {"theta": "utterance", "similarity": "none", "radius": "none"},
    {"theta": "frame", "similarity": "none", "radius": "none"},
    {"theta": "none", "similarity": "laplacian", "radius": "none"},
    {"theta": "none", "similarity": "none", "radius": "sigmoid"},
    {"theta": "utterance", "similarity": "laplacian", "radius": "sigmoid"},
]


def names(switches):
    return "-".join(switches.values())


def trained(embed_dim, num_heads, seed=0, **switches):
    """A module whose parameters have moved away from zero, each head its own way."""
    torch.manual_seed(seed)
    net = PitchRoPEMHA(embed_dim, num_heads, **switches)
    for name, parameter in net.named_parameters():
        if name.startswith(("theta", "similarity", "radius")):
            std = 0.1 if name == "theta_offset" else 0.5  # 1.5 radians an octave
            torch.nn.init.normal_(parameter, std=std)
    return net


def padding(n_frames, *lengths):
    return torch.arange(n_frames) >= torch.tensor(lengths)[:, None]


def chunk_mask(n_frames, size=8):
    chunk = torch.arange(n_frames) // size
    return chunk[None, :] > chunk[:, None]


@pytest.mark.parametrize("switches", SWITCHES, ids=names)
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("n_frames", [1, 50])
def test_starts_as_rope_whatever_the_pitch(switches, masked, n_frames):
    torch.manual_seed(1)
    upstream = RoPEMHA(144, 4)
    torch.manual_seed(1)
    ours = PitchRoPEMHA(144, 4, **switches)
    x, pitch = torch.randn(3, n_frames, 144), pitch_channels(3, n_frames)
    key_padding_mask = padding(n_frames, n_frames, n_frames // 2 + 1, 1)
    masks = {"key_padding_mask": key_padding_mask} if masked else {}
    if masked:
        masks["attn_mask"] = chunk_mask(n_frames)
    expected, _ = upstream(x, x, x, **masks)
    found, weights = ours(x, x, x, pos_embs=pitch, **masks)
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)
    assert weights is None
    torch.testing.assert_close(ours(x, x, x, **masks)[0], expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("switches", SWITCHES, ids=names)
def test_zero_pitch_is_rope_after_training_too(switches):
    net = trained(80, 2, **switches)
    upstream = RoPEMHA(80, 2)
    upstream.load_state_dict(net.state_dict(), strict=False)
    x = torch.randn(2, 30, 80)
    found, _ = net(x, x, x, pos_embs=torch.zeros(2, 30, 4))
    torch.testing.assert_close(found, upstream(x, x, x)[0], atol=1e-6, rtol=0)


def test_state_dict_is_a_superset_of_upstreams():
    upstream, ours = RoPEMHA(80, 2), PitchRoPEMHA(80, 2)
    torch.nn.init.normal_(ours.radius_slope)
    missing, unexpected = ours.load_state_dict(upstream.state_dict(), strict=False)
    assert not unexpected
    assert all(name.startswith(("theta", "similarity", "radius")) for name in missing)
    rope = PitchRoPEMHA(80, 2, theta="none", similarity="none", radius="none")
    assert rope.state_dict().keys() == upstream.state_dict().keys()


def outcome(net, forward, x, pitch):
    """Output and gradients to x, to pitch and to all parameters."""
    inputs = x.clone().requires_grad_(), pitch.clone().requires_grad_()
    out = forward(*inputs)
    target = torch.linspace(-1, 1, out.numel(), dtype=out.dtype).view_as(out)
    wrt = [*inputs, *net.parameters()]
    return [out, *torch.autograd.grad((out * target).sum(), wrt)]


def fast(net, **masks):
    return lambda x, pitch: net(x, x, x, pos_embs=pitch, **masks)[0]


def referred(net, **masks):
    return lambda x, pitch: reference.attend(net, x, pitch, **masks)


@pytest.mark.parametrize("switches", SWITCHES, ids=names)
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("embed_dim, num_heads", [(72, 2), (144, 4), (80, 1)])
def test_fast_path_is_the_reference(switches, masked, embed_dim, num_heads):
    net = trained(embed_dim, num_heads, **switches).double()
    x = torch.randn(3, 40, embed_dim, dtype=torch.float64)
    pitch = pitch_channels(3, 40, dtype=torch.float64)
    masks = {}
    if masked:
        masks = {
            "key_padding_mask": padding(40, 40, 33, 9),
            "attn_mask": chunk_mask(40),
        }
    found = outcome(net, fast(net, **masks), x, pitch)
    expected = outcome(net, referred(net, **masks), x, pitch)
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-9, rtol=1e-7)


@pytest.mark.parametrize("head_dim", [36, 40, 64, 80])
@pytest.mark.parametrize("n_frames", [1, 2, 7, 33, 250])
def test_any_length_and_head_size(head_dim, n_frames):
    net = trained(2 * head_dim, 2).double()
    x = torch.randn(2, n_frames, 2 * head_dim, dtype=torch.float64)
    pitch = pitch_channels(2, n_frames, dtype=torch.float64)
    mask = padding(n_frames, n_frames, (n_frames + 1) // 2)
    found = outcome(net, fast(net, key_padding_mask=mask), x, pitch)
    expected = outcome(net, referred(net, key_padding_mask=mask), x, pitch)
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-8, rtol=1e-7)


@pytest.mark.parametrize(
    "dtype, tolerance", [(torch.float32, 5e-4), (torch.bfloat16, 0.1)]
)
@pytest.mark.parametrize("n_frames, lengths", [(60, (60, 41)), (3000, (3000,))])
def test_precision_of_values_and_gradients(dtype, tolerance, n_frames, lengths):
    """Error in the norm of each, over the norm of the reference in double precision.

    After 3000 frames an angle is rounded to 1e-4 radians in single precision.
    """
    net = trained(36, 1)
    x = torch.randn(len(lengths), n_frames, 36)
    pitch = pitch_channels(len(lengths), n_frames)
    mask = padding(n_frames, *lengths)
    with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
        found = outcome(net, fast(net, key_padding_mask=mask), x, pitch)
    net = net.double()
    expected = outcome(
        net, referred(net, key_padding_mask=mask), x.double(), pitch.double()
    )
    for ours, theirs in zip(found, expected, strict=True):
        error = (ours.double() - theirs).norm() / theirs.norm()
        assert error < tolerance


@pytest.mark.parametrize("switches", SWITCHES, ids=names)
def test_each_enhancement_changes_the_output(switches):
    net = trained(80, 2, **switches)
    x = torch.randn(1, 30, 80)
    with_pitch, _ = net(x, x, x, pos_embs=pitch_channels(1, 30))
    without, _ = net(x, x, x)
    assert (with_pitch - without).abs().max() > 1e-3


def test_padding_changes_nothing():
    net = trained(80, 2)
    x, pitch = torch.randn(1, 30, 80), pitch_channels(1, 30)
    alone, _ = net(x, x, x, pos_embs=pitch)
    padded_x = torch.cat((x, torch.randn(1, 13, 80)), 1)
    padded_pitch = torch.cat((pitch, torch.zeros(1, 13, 4)), 1)
    padded, _ = net(
        padded_x,
        padded_x,
        padded_x,
        key_padding_mask=padding(43, 30),
        pos_embs=padded_pitch,
    )
    torch.testing.assert_close(padded[:, :30], alone, atol=1e-6, rtol=0)


def test_a_batch_is_its_utterances():
    net = trained(80, 2)
    x, pitch = torch.randn(4, 25, 80), pitch_channels(4, 25)
    together, _ = net(x, x, x, pos_embs=pitch)
    singles = [
        net(x[i : i + 1], x[i : i + 1], x[i : i + 1], pos_embs=pitch[i : i + 1])
        for i in range(4)
    ]
    torch.testing.assert_close(
        together, torch.cat([out for out, _ in singles]), atol=1e-6, rtol=0
    )


@pytest.mark.parametrize("theta", ["offset", "phase", "utterance"])
def test_only_what_lies_between_two_frames_matters(theta):
    """An earlier start shifts all angles alike and leaves the output as it was."""
    net = trained(80, 2, theta=theta).double()
    x = torch.randn(1, 30, 80, dtype=torch.float64)
    pitch = pitch_channels(1, 30, dtype=torch.float64)
    before = pitch_channels(1, 17, seed=5, dtype=torch.float64)
    shifted_x = torch.cat((torch.randn(1, 17, 80, dtype=torch.float64), x), 1)
    mask = torch.arange(47)[None] < 17
    shifted, _ = net(
        shifted_x,
        shifted_x,
        shifted_x,
        key_padding_mask=mask,
        pos_embs=torch.cat((before, pitch), 1),
    )
    alone, _ = net(x, x, x, pos_embs=pitch)
    torch.testing.assert_close(shifted[:, 17:], alone, atol=1e-9, rtol=0)


def test_a_fully_padded_utterance_stays_finite():
    net = trained(80, 2)
    x = torch.randn(2, 12, 80, requires_grad=True)
    out, _ = net(
        x, x, x, key_padding_mask=padding(12, 12, 0), pos_embs=pitch_channels(2, 12)
    )
    out.square().sum().backward()
    assert out.isfinite().all()
    assert x.grad.isfinite().all()


def test_every_parameter_learns():
    net = trained(80, 2, seed=3)
    x, pitch = torch.randn(2, 30, 80), pitch_channels(2, 30)
    out, _ = net(x, x, x, key_padding_mask=padding(30, 30, 20), pos_embs=pitch)
    out.square().sum().backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("switches", SWITCHES, ids=names)
def test_first_update_moves_every_enhancement(switches):
    """At zero each parameter has a gradient; the bandwidth waits for its weight."""
    torch.manual_seed(0)
    net = PitchRoPEMHA(80, 2, **switches)
    x, pitch = torch.randn(2, 30, 80), pitch_channels(2, 30)
    net(x, x, x, pos_embs=pitch)[0].square().sum().backward()
    for name in net.PITCH_PARAMETERS:
        if hasattr(net, name):
            waits = name == "similarity_bandwidth"
            assert bool(getattr(net, name).grad.any()) != waits, name


def test_adam_moves_the_offset_as_fast_as_other_parameters():
    """After as many updates c is as large, over what it needs, as a weight is."""
    torch.manual_seed(0)
    net = PitchRoPEMHA(80, 2)
    before = {name: x.detach().clone() for name, x in net.named_parameters()}
    optimizer = torch.optim.Adam(net.parameters(), lr=0.003)
    x, pitch = torch.randn(2, 30, 80), pitch_channels(2, 30)
    for _ in range(20):
        optimizer.zero_grad()
        (net(x, x, x, pos_embs=pitch)[0] - x.roll(1, 0)).square().sum().backward()
        optimizer.step()
    moved = {
        k: (x - before[k]).norm() / x.numel() ** 0.5 for k, x in net.named_parameters()
    }
    assert moved["theta_offset"] > 0.5 * moved["in_proj_weight"]


def test_dropout_acts_in_training_only():
    torch.manual_seed(0)
    net = PitchRoPEMHA(80, 2, dropout=0.5)
    x, pitch = torch.randn(1, 30, 80), pitch_channels(1, 30)
    assert not torch.equal(net(x, x, x, pos_embs=pitch)[0], net(x, x, x)[0])
    net.eval()
    torch.testing.assert_close(
        net(x, x, x, pos_embs=pitch)[0], net(x, x, x)[0], atol=1e-6, rtol=0
    )


def test_dropout_is_the_reference_with_its_weights_dropped():
    net = trained(72, 2).double()
    net.dropout = 0.25
    x = torch.randn(3, 20, 72, dtype=torch.float64)
    pitch = pitch_channels(3, 20, dtype=torch.float64)
    mask = padding(20, 20, 13, 1)
    torch.manual_seed(0)
    found = outcome(net, fast(net, key_padding_mask=mask), x, pitch)
    torch.manual_seed(0)
    kept = x.new_empty(3, 2, 20, 20).bernoulli_(0.75)
    masks = {"key_padding_mask": mask, "kept": kept}
    expected = outcome(net, referred(net, **masks), x, pitch)
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-9, rtol=1e-7)


@pytest.mark.parametrize("attn_mask", [None, chunk_mask(30)])
def test_training_starts_as_ropes_with_the_same_weights_dropped(attn_mask):
    torch.manual_seed(1)
    upstream = RoPEMHA(80, 2, dropout=0.3)
    ours = PitchRoPEMHA(80, 2, dropout=0.3)
    ours.load_state_dict(upstream.state_dict(), strict=False)
    x, mask = torch.randn(2, 30, 80), padding(30, 30, 17)
    masks = {"key_padding_mask": mask, "attn_mask": attn_mask}
    outs = []
    for net, inputs in ((upstream, {}), (ours, {"pos_embs": pitch_channels(2, 30)})):
        torch.manual_seed(2)
        outs.append(net(x, x, x, **masks, **inputs)[0])
    torch.testing.assert_close(outs[1], outs[0], atol=1e-6, rtol=0)


def test_dropout_drops_weights_and_keeps_their_mean():
    """What is left is scaled up, pads and columns of the bias notwithstanding."""
    torch.manual_seed(0)
    net = trained(80, 2)
    x, pitch = torch.randn(2, 30, 80), pitch_channels(2, 30)
    inputs = {"pos_embs": pitch, "key_padding_mask": padding(30, 30, 12)}
    expected, _ = net(x, x, x, **inputs)
    net.dropout = 0.3
    with torch.no_grad():
        mean = sum(net(x, x, x, **inputs)[0] for _ in range(400)) / 400
    assert (mean - expected).abs().mean() < 0.1 * expected.abs().mean()
    net(x, x, x, **inputs)[0].square().sum().backward()
    assert all(parameter.grad.isfinite().all() for parameter in net.parameters())


def test_200_steps_in_half_precision_stay_finite():
    """Under autocast, towards a target that pitch alone tells."""
    torch.manual_seed(0)
    net = PitchRoPEMHA(16, 2)
    x, pitch = torch.randn(3, 24, 16), pitch_channels(3, 24)
    mask, target = padding(24, 24, 15, 1), pitch[..., :1].cumsum(1).sin()
    optimizer = torch.optim.Adam(net.parameters(), lr=0.02)
    losses = []
    for _ in range(200):
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            out, _ = net(x, x, x, key_padding_mask=mask, pos_embs=pitch)
        loss = (out.float() - target)[~mask].square().mean()
        loss.backward()
        for name, parameter in net.named_parameters():
            assert parameter.grad.isfinite().all(), name
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
    for name, parameter in net.named_parameters():
        assert parameter.isfinite().all(), name


def test_value_bias_and_distinct_inputs_follow_upstream():
    torch.manual_seed(2)
    upstream = RoPEMHA(80, 2, vbias=True)
    torch.nn.init.normal_(upstream.value_bias_weight)
    ours = PitchRoPEMHA(80, 2, vbias=True)
    ours.load_state_dict(upstream.state_dict(), strict=False)
    query, key, value = torch.randn(3, 2, 10, 80)
    expected = upstream(query, key, value)[0]
    torch.testing.assert_close(ours(query, key, value)[0], expected, atol=1e-6, rtol=0)
    same = query.clone()
    torch.testing.assert_close(
        ours(query, same, query)[0], upstream(query, same, query)[0], atol=1e-6, rtol=0
    )


@pytest.mark.parametrize(
    "arguments, complaint",
    [
        ({"theta": "speed"}, "theta is 'speed': choose one of"),
        ({"similarity": "cosine"}, "similarity is 'cosine'.*'odd_cosines'"),
        ({"radius": True}, "radius is True"),
        ({"embed_dim": 15, "num_heads": 3}, "a head has 5 dimensions"),
        ({"vdim": 40}, "vdim is 40"),
    ],
)
def test_wrong_settings_are_named(arguments, complaint):
    with pytest.raises(ValueError, match=complaint):
        PitchRoPEMHA(**{"embed_dim": 80, "num_heads": 2, **arguments})


@pytest.mark.parametrize(
    "query_length, inputs, complaint",
    [
        (10, {"pos_embs": torch.zeros(1, 19, 80)}, "expected pitch channels"),
        (10, {"pos_embs": torch.zeros(1, 9, 4)}, r"shape \[1, 9, 4\]"),
        (7, {}, "7, 10 and 10 frames"),
        (10, {"attn_mask": torch.zeros(10, 10)}, "attn_mask is of torch.float32"),
    ],
)
def test_wrong_inputs_are_named(query_length, inputs, complaint):
    net, x = PitchRoPEMHA(80, 2), torch.randn(1, 10, 80)
    with pytest.raises(ValueError, match=complaint):
        net(x[:, :query_length], x, x, **inputs)


@pytest.mark.parametrize(
    "switch, ours, theirs",
    [
        ("theta", "offset", "phase"),
        ("theta", "phase", "offset"),
        ("similarity", "cosines", "gaussian"),
        ("similarity", "odd_cosines", "cosines"),
        ("similarity", "laplacian", "cosines"),
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
    weights = trained(80, 2).state_dict()
    net = PitchRoPEMHA(80, 2, theta="none")
    missing, unexpected = net.load_state_dict(weights, strict=False)
    assert (missing, unexpected) == ([], ["theta_offset"])
