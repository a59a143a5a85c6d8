"""A training step does not wait for the device once the first batches were checked."""

import sys
from pathlib import Path

import pytest
import torch
from speechbrain.augment.freq_domain import SpectrogramDrop

import speechbrain_pitchrope
from speechbrain_pitchrope import inband
from speechbrain_pitchrope.augment.augmenter import PitchAugmenter
from speechbrain_pitchrope.lobes.features import PitchFbank
from speechbrain_pitchrope.lobes.models.convolution import PitchConvolutionFrontEnd
from speechbrain_pitchrope.lobes.models.transformer.TransformerASR import (
    PitchTransformerASR,
)
from speechbrain_pitchrope.processing.features import PitchInputNormalization
from tests.signals import batch_of, utterance

PACKAGE = str(Path(speechbrain_pitchrope.__file__).parent)

WAITING = ("item", "tolist", "__bool__", "__int__", "__float__", "__index__", "nonzero")
"""What of a tensor needs its values on the host."""

ON_A_CPU_ONLY = ("nnet/kernels.py:_lengths",)
"""Asked for CPU tensors alone, which are on the host already."""


@pytest.fixture
def waits(monkeypatch):
    """Functions of ours that asked a tensor for its values, as they were called."""
    found = []

    def watched(original):
        def method(*args, **kwargs):
            frame = sys._getframe(1)
            path = frame.f_code.co_filename
            if path.startswith(PACKAGE):
                place = f"{path[len(PACKAGE) + 1 :]}:{frame.f_code.co_name}"
                if place not in ON_A_CPU_ONLY:
                    found.append(place)
            return original(*args, **kwargs)

        return method

    for name in WAITING:
        monkeypatch.setattr(torch.Tensor, name, watched(getattr(torch.Tensor, name)))
    return found


@pytest.fixture
def step():
    """One training step through the five classes, as a function."""
    torch.manual_seed(0)
    compute_features = PitchFbank(n_mels=20)
    normalize = PitchInputNormalization()
    augment = PitchAugmenter(augmentations=[SpectrogramDrop()], augment_prob=0.0)
    front_end = PitchConvolutionFrontEnd(
        input_shape=(8, 10, 20),
        **dict(num_blocks=2, num_layers_per_block=1, out_channels=(8, 4)),
        **dict(kernel_sizes=(3, 3), strides=(2, 2), residuals=(False, False)),
        noise_masking=True,
    )
    transformer = PitchTransformerASR(
        **dict(tgt_vocab=10, input_size=20, d_model=16, nhead=2, d_ffn=32),
        **dict(num_encoder_layers=1, num_decoder_layers=1, encoder_module="conformer"),
        **dict(normalize_before=True, causal=False),
        pitch_attention={"pitch_input": 4},
    )
    wavs, lengths = batch_of(utterance(120.0, 0.6), utterance(240.0, 0.4))

    def run():
        x = normalize(compute_features(wavs), lengths, epoch=1)
        x, augmented = augment(x, lengths)
        tgt = torch.randint(1, 10, (len(x), 4))
        encoded, decoded = transformer(front_end(x), tgt, augmented)
        (encoded.mean() + decoded.mean()).backward()

    run.modules = normalize, augment, front_end, transformer
    return run


def test_a_step_waits_for_no_value_after_the_first_batches(step, waits):
    step()
    assert "inband.py:require_range" in waits
    for _ in range(inband.CHECKED_BATCHES - 1):
        step()
    waits.clear()
    step()
    assert waits == []


def test_checks_start_again_with_loaded_weights(step, waits, tmp_path):
    for _ in range(inband.CHECKED_BATCHES + 1):
        step()
    waits.clear()
    normalize, _augment, front_end, transformer = step.modules
    normalize._save(tmp_path / "normalizer.ckpt")
    normalize._load(tmp_path / "normalizer.ckpt")
    for module in (front_end, transformer):
        module.load_state_dict(module.state_dict())
    step()
    assert waits.count("inband.py:require_range") == 3 * 3  # low, high, filled
