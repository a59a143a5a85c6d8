"""Folders of SpeechBrain's interfaces are told apart, and faults are named."""

import pytest
import sentencepiece
import torch
from speechbrain.inference.ASR import EncoderASR

from speechbrain_pitchrope.runs.package import load_recogniser, package_run
from tests.made_runs import make_run, make_tokenizer

# A folder that is not ours: SpeechBrain's classes alone, greedy CTC.
UPSTREAM = """
net: !new:speechbrain.nnet.linear.Linear
    input_size: 80
    n_neurons: 31
encoder: !new:speechbrain.nnet.containers.LengthsCapableSequential
    compute_features: !new:speechbrain.lobes.features.Fbank
        n_mels: 80
    net: !ref <net>
    log_softmax: !new:torch.nn.LogSoftmax
        dim: -1
modules:
    encoder: !ref <encoder>
decoding_function: !name:speechbrain.decoders.ctc_greedy_decode
    blank_id: 0
tokenizer: !new:sentencepiece.SentencePieceProcessor
pretrainer: !new:speechbrain.utils.parameter_transfer.Pretrainer
    loadables:
        net: !ref <net>
        tokenizer: !ref <tokenizer>
"""


@pytest.fixture
def upstream(tmp_path):
    """A folder of SpeechBrain's own."""
    folder = tmp_path / "upstream"
    make_tokenizer(folder)
    (folder / "31_char.model").rename(folder / "tokenizer.ckpt")
    (folder / "31_char.vocab").unlink()
    state = {"w.weight": torch.randn(31, 80), "w.bias": torch.zeros(31)}
    torch.save(state, folder / "net.ckpt")
    (folder / "hyperparams.yaml").write_text(UPSTREAM)
    return folder


def test_speechbrains_own_folders_load(upstream):
    before = sorted(path.name for path in upstream.iterdir())
    asr = load_recogniser(upstream, "cpu")
    assert type(asr) is EncoderASR
    assert isinstance(asr.tokenizer, sentencepiece.SentencePieceProcessor)
    (text,), _ = asr.transcribe_batch(torch.randn(1, 16000), torch.ones(1))
    assert text
    assert sorted(path.name for path in upstream.iterdir()) == before


def test_nothing_is_fetched(upstream, monkeypatch):
    """A path of the yaml that leads to a hub is refused, not followed."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("network"))
    text = UPSTREAM + "    paths:\n        net: no-such-user/no-such-model/net.ckpt\n"
    (upstream / "hyperparams.yaml").write_text(text)
    with pytest.raises(ValueError, match=r"upstream can't be loaded as EncoderASR: "):
        load_recogniser(upstream)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("input_size: 80", "input_size: 81", "be loaded as EncoderASR: .*Error"),
        ("decoding_function:", "decoding:", "the entries of neither EncoderASR"),
        ("encoder: !ref", "coder: !ref", "the entries of neither EncoderASR"),
        ("nnet.linear.Linear", "nnet.linear.Lin", "no attribute '?Lin|Lin"),
        ("modules:", "modules: [", "hyperparams.yaml can't be read"),
    ],
)
def test_what_does_not_load_is_named(upstream, old, new, message):
    (upstream / "hyperparams.yaml").write_text(UPSTREAM.replace(old, new, 1))
    with pytest.raises(ValueError, match=message):
        load_recogniser(upstream)


@pytest.mark.parametrize("name", ["model", "tokenizer", "normalizer"])
def test_a_file_that_is_missing_is_named(tmp_path, name):
    make_run(tmp_path / "run")
    folder = package_run(tmp_path / "run")
    (folder / f"{name}.ckpt").unlink()
    with pytest.raises(ValueError, match=rf"can't be loaded .*{name}\.ckpt"):
        load_recogniser(folder)
