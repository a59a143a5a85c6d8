"""What makes training fast on a GPU, as far as it can be told without one.

Operations are watched where torch dispatches them, forward and backward. On the "meta"
device, tensors have shapes and no values: what asks for a value raises there, and the
code for a GPU runs, not that for a CPU.
"""

import sys
from contextlib import nullcontext
from pathlib import Path

import pytest
import torch
from speechbrain.augment.freq_domain import SpectrogramDrop
from speechbrain.nnet.attention import RoPEMHA
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

import speechbrain_pitchrope
from speechbrain_pitchrope import inband
from speechbrain_pitchrope.augment.augmenter import PitchAugmenter
from speechbrain_pitchrope.lobes.features import PitchFbank
from speechbrain_pitchrope.lobes.models.convolution import PitchConvolutionFrontEnd
from speechbrain_pitchrope.nnet import kernels
from speechbrain_pitchrope.nnet.attention import PitchRoPEMHA
from speechbrain_pitchrope.processing.features import PitchInputNormalization
from speechbrain_pitchrope.variants import load_variant
from tests.lobes.models.transformer.small_models import build
from tests.signals import FRONT_END, batch_of, utterance

PACKAGE, TORCH = (Path(x.__file__).parent for x in (speechbrain_pitchrope, torch))

WAITING = ("_local_scalar_dense", "nonzero", "equal", "is_nonzero", "masked_select")
"""Operations that hand values to the host, which waits for the device then."""

FUSED = torch.nn.functional.scaled_dot_product_attention

B, T, H, D = 3, 50, 4, 36
VARIANTS = ("rope", "theta", "similarity", "radius", "all")


class Watch(TorchDispatchMode):
    """Notes every operation: its name, its largest output, and who of ours asked."""

    def __init__(self):
        super().__init__()
        self.calls, self.copies = [], []

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        out = operation(*args, **(kwargs or {}))
        outs = [x for x in torch.utils._pytree.tree_leaves(out) if torch.is_tensor(x)]
        aliases = [x.alias_info for x in operation._schema.returns]
        is_view = any(alias and not alias.is_write for alias in aliases)
        frame = sys._getframe(1)
        while frame and Path(frame.f_code.co_filename).is_relative_to(TORCH):
            frame = frame.f_back
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(PACKAGE):
            asked = f"{path.relative_to(PACKAGE)}:{frame.f_code.co_name}"
        else:
            asked = None
        name = operation._schema.name.removeprefix("aten::")
        size = max((x.numel() * (1 + x.is_complex()) for x in outs), default=0)
        self.calls.append((name, size, is_view, asked))
        given = [x for x in torch.utils._pytree.tree_leaves(args) if torch.is_tensor(x)]
        if name == "_to_copy" and given[0].device != outs[0].device:
            self.copies.append(asked)
        return out

    def waits(self):
        """Our functions that waited for the device, as often as they did."""
        return [asked for name, _, _, asked in self.calls if asked and name in WAITING]

    def kernels(self):
        """Names of the operations that start a kernel."""
        silent = ("empty", "new_empty", "_unsafe_view")
        calls = (call for call in self.calls if call[0] not in silent)
        return [name for name, size, is_view, _ in calls if size and not is_view]


def flash_kernel(query, key, value, attn_mask=None, dropout_p=0.0, scale=None):
    """What torch calls on a GPU if nothing is in the way; on a CPU what it has."""
    if query.device.type == "cpu":
        return FUSED(query, key, value, attn_mask, dropout_p, scale=scale)
    assert attn_mask is None
    flash = torch.ops.aten._scaled_dot_product_flash_attention
    return flash(query, key, value, dropout_p, scale=scale)[0]


@pytest.fixture
def flash(monkeypatch):
    """The flash kernel where torch would choose one by the GPU that it finds."""
    fused = "scaled_dot_product_attention"
    monkeypatch.setattr(torch.nn.functional, fused, flash_kernel)


@pytest.fixture
def on_meta(flash, monkeypatch):
    """Let "meta" pass for a GPU: it knows no autocast, and no kernel but the plain."""
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())
    return "meta"


def attention(variant, device="cpu"):
    """A module of a variant whose tensors are on a device."""
    with torch.device(device):
        return PitchRoPEMHA(H * D, H, **load_variant(variant))


def batch(n_frames=T, device="cpu"):
    padding = torch.arange(n_frames) >= torch.tensor([[n_frames], [n_frames // 2], [1]])
    given = torch.rand(B, n_frames, H * D), torch.rand(B, n_frames, 4), padding
    return [x.to(device) for x in given]


def attend(net, x, pitch, padding):
    return net(x, x, x, pos_embs=pitch, key_padding_mask=padding)[0]


def test_a_step_waits_for_no_value_after_the_first_batches(tmp_path):
    """And the checks start again with loaded weights."""
    compute_features = PitchFbank(n_mels=20)
    normalize = PitchInputNormalization()
    augment = PitchAugmenter(augmentations=[SpectrogramDrop()], augment_prob=0.0)
    front_end = PitchConvolutionFrontEnd((8, 10, 20), **FRONT_END, noise_masking=True)
    transformer = build({"pitch_input": 4}, input_size=20, num_encoder_layers=1)
    wavs, lengths = batch_of(utterance(120.0, 0.6), utterance(240.0, 0.4))

    def step():
        with Watch() as watch:
            x = normalize(compute_features(wavs), lengths, epoch=1)
            x, augmented = augment(x, lengths)
            tgt = torch.randint(1, 10, (len(x), 4))
            encoded, decoded = transformer(front_end(x), tgt, augmented)
            (encoded.mean() + decoded.mean()).backward()
        return watch.waits()

    assert min(len(step()) for _ in range(inband.CHECKED_BATCHES)) > 0
    assert step() == []
    normalize._save(tmp_path / "normalizer.ckpt")
    normalize._load(tmp_path / "normalizer.ckpt")
    for module in (front_end, transformer):
        module.load_state_dict(module.state_dict())
    assert step().count("inband.py:require_range") == 3 * 3  # low, high, filled


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_step_copies_nothing_to_the_device(variant, flash, monkeypatch):
    """After the first one; a copy waits. Tensors are a GPU's, without values."""
    monkeypatch.setattr(inband.FirstBatches, "one_more", lambda self: False)
    modules = [
        PitchFbank(n_mels=20),
        PitchInputNormalization(norm_type="sentence"),
        PitchConvolutionFrontEnd((8, 10, 20), **FRONT_END),
        build(variant, input_size=20, num_encoder_layers=1),
    ]
    with FakeTensorMode(allow_non_fake_inputs=True), torch.device("cuda"):
        for module in (part for whole in modules for part in whole.modules()):
            for tensors in (module._parameters, module._buffers):
                for name, x in tensors.items():
                    if x is not None:
                        made = torch.empty(x.shape, dtype=x.dtype)
                        tensors[name] = type(x)(made) if x.requires_grad else made
        compute_features, normalize, front_end, transformer = modules
        wavs, lengths, tokens = torch.rand(2, 8000), torch.ones(2), torch.ones(2, 4)
        for _ in range(2):
            with Watch() as watch:
                x = front_end(normalize(compute_features(wavs), lengths, epoch=1))
                encoded, _ = transformer(x, tokens.long(), lengths)
    assert encoded.device.type == "cuda"
    assert watch.copies and not [asked for asked in watch.copies if asked]


@pytest.mark.parametrize("variant", VARIANTS)
def test_attention_asks_for_no_value_and_for_no_large_tensor(variant, on_meta):
    """Nor does its gradient. The largest are the three projections, with columns."""
    for n_frames in (T, 40 * T):
        net, (x, *others) = attention(variant, on_meta), batch(n_frames, on_meta)
        with Watch() as watch:
            attend(net, x.requires_grad_(), *others).sum().backward()
        largest = max(size for name, size, *_ in watch.calls)
        assert largest <= 3 * B * n_frames * H * (D + 12)  # 12 make 36 a multiple of 8


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_flash_kernel_is_eligible_under_autocast(variant, monkeypatch):
    """Half precision, one width that is a multiple of 8, no mask."""
    calls = []

    def kernel(query, key, value, mask, **_):
        calls.append((query, key, value, mask))
        return value

    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", kernel)
    # As on a GPU: one call for the batch.
    monkeypatch.setattr(kernels, "_lengths", lambda key, _: [key.shape[1]])
    with torch.autocast("cpu", torch.bfloat16):
        attend(attention(variant), *batch())
    ((*given, mask),) = calls
    assert {x.dtype for x in given} == {torch.bfloat16} and mask is None
    assert {x.shape for x in given} == {(B, H, T, given[0].shape[-1])}
    assert all(x.shape[-1] % 8 == 0 and x.stride(-1) == 1 for x in given)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
@pytest.mark.parametrize("variant", VARIANTS)
def test_the_flash_kernel_of_a_gpu_takes_a_padded_batch(variant):
    net, (x, *others) = attention(variant, "cuda"), batch(device="cuda")
    flash = torch.nn.attention.SDPBackend.FLASH_ATTENTION
    with torch.autocast("cuda", torch.bfloat16), torch.nn.attention.sdpa_kernel(flash):
        attend(net, x.requires_grad_(), *others).sum().backward()
    assert x.grad.isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_fold_starts_at_most_12_kernels(dtype):
    """With radius, columns and padding, at the width that needs zeros as well."""
    with torch.device("meta"):
        projected = torch.empty(B, T, H, 3 * D, dtype=dtype)
        polar, columns = torch.empty(2, B, T, H, D // 2), torch.empty(2, B, T, H, 7)
        padding = torch.empty(B, T, dtype=torch.bool)
    with Watch() as watch:
        kernels.fast_fold(projected, *polar, columns.unbind(), padding, 0.2)
    assert len(watch.kernels()) <= 12


def test_attention_starts_few_kernels(on_meta):
    """Forward and backward in single precision; RoPEMHA is watched on the CPU."""

    def count(net, x, padding, **pitch):
        x = x.detach().requires_grad_()
        net(x, x, x, key_padding_mask=padding, **pitch)
        with Watch() as watch:
            out, _ = net(x, x, x, key_padding_mask=padding, **pitch)
            out.backward(torch.empty_like(out))
        return len(watch.kernels())

    x, pitch, padding = batch(device=on_meta)
    nets = {variant: attention(variant, on_meta) for variant in VARIANTS}
    counts = {v: count(net, x, padding, pos_embs=pitch) for v, net in nets.items()}
    x, _, padding = batch()
    upstream = count(RoPEMHA(H * D, H), x, padding)
    assert counts["rope"] <= 0.75 * upstream
    assert max(counts.values()) == counts["all"] <= 1.7 * upstream


@pytest.mark.parametrize("variant", VARIANTS)
def test_it_compiles_to_one_graph_without_complex_numbers(variant):
    """One for all lengths, with radius, columns and padding."""
    graphs = []

    def note(graph, inputs):
        graphs.append(graph)
        return graph

    net = attention(variant)
    compiled = torch.compile(net, fullgraph=True, dynamic=True, backend=note)
    for n_frames in (T, T + 7):
        given = batch(n_frames)
        with torch.no_grad():
            torch.testing.assert_close(attend(compiled, *given), attend(net, *given))
    (graph,) = graphs
    values = (node.meta.get("example_value") for node in graph.graph.nodes)
    dtypes = {x.dtype for x in values if torch.is_tensor(x)}
    assert torch.float32 in dtypes and not any(x.is_complex for x in dtypes)
