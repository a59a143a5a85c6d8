"""A packaged model streams, through SpeechBrain's StreamingASR."""

import shutil

import pytest
import soundfile
import torch
from speechbrain.decoders import ctc_greedy_decode
from speechbrain.inference.ASR import StreamingASR
from speechbrain.utils.dynamic_chunk_training import DynChunkTrainConfig

from speechbrain_pitchrope import variants
from speechbrain_pitchrope.runs.package import package_run
from tests.made_runs import JOINT, make_run
from tests.made_swapped_runs import make_swapped_run
from tests.signals import utterance

CONFIG = DynChunkTrainConfig(16, 2)
CHUNK = 640 * 16
WINDOW = {"compute_features": {"pitch_level": "window"}}
STREAMING = WINDOW | {"normalize": {"norm_type": "global"}}
BRANCHFORMER = {"encoder_module": "branchformer", "csgu_linear_units": 32}
KINDS = {"ctc": {}, "joint": JOINT, "transducer": None}
KINDS |= {name: {"variant": name} for name in ("all_input", "multistream")}


@pytest.fixture(scope="module", params=KINDS)
def asr(request, tmp_path_factory):
    """A packaged model of random weights that can stream."""
    torch.manual_seed(0)
    run = tmp_path_factory.mktemp("streaming") / "run"
    if request.param == "transducer":
        make_swapped_run(run, "transducer")
    else:
        make_run(run, **STREAMING, **KINDS[request.param])
    settings = {"hparams_file": "streaming.yaml", "run_opts": {"device": "cpu"}}
    return StreamingASR.from_hparams(source=str(package_run(run)), **settings)


def chunks_of(wav):
    """Chunks of one utterance, and one that brings out its end."""
    return (*wav[None].split(CHUNK, 1), torch.zeros(1, CHUNK))


def encoded(asr, wav):
    """The encoder's output, chunk by chunk."""
    context = asr.make_streaming_context(CONFIG)
    return torch.cat([asr.encode_chunk(context, chunk) for chunk in chunks_of(wav)], 1)


@torch.no_grad()
def masked(asr, wav):
    """The same at once, by the masks that chunkwise training has."""
    extractor = asr.hparams.fea_streaming_extractor
    context = extractor.make_streaming_context()
    features = torch.cat([extractor(chunk, context) for chunk in chunks_of(wav)], 1)
    return asr.mods.proj_enc(asr.mods.enc(features, dynchunktrain_config=CONFIG))


def test_streaming_is_the_chunk_masked_whole(asr, tmp_path):
    """Its encoding, and the text of a file."""
    assert asr.get_chunk_size_frames(CONFIG) == CHUNK
    wav, path = utterance(180.0, 8 * CHUNK / 16000), str(tmp_path / "a.wav")
    frames = masked(asr, wav)
    torch.testing.assert_close(encoded(asr, wav), frames, rtol=0, atol=1e-5)
    soundfile.write(path, wav.numpy(), 16000, subtype="FLOAT")
    if hasattr(asr.hparams, "Greedysearcher"):
        (tokens,) = asr.hparams.Greedysearcher(frames)[0]
    else:
        (tokens,) = ctc_greedy_decode(frames, torch.ones(1), blank_id=0)
    expected = asr.hparams.tokenizer.decode_ids(tokens)
    assert len(expected) > 5
    found = asr.transcribe_file(path, CONFIG, use_torchaudio_streaming=False)
    assert found.split() == expected.split()


@pytest.mark.parametrize("n_samples", [1, CHUNK - 1, 50_000])
def test_any_length_comes_out_to_its_end(asr, n_samples):
    """Frames centred on the samples, beside those of the silence before."""
    before = asr.hparams.fea_streaming_extractor.get_output_count_per_pad_frame()
    n_frames = encoded(asr, 0.1 * torch.randn(n_samples)).shape[1]
    assert n_frames - before >= n_samples / 640


@pytest.mark.parametrize(
    "settings",
    [
        WINDOW,
        {"normalize": {"norm_type": "global"}},
        STREAMING | {"variant": "all+shuffled_f0"},
        STREAMING | {"Transformer": BRANCHFORMER},
        STREAMING | {"variant": "frame"},
    ],
    ids=["normaliser", "level", "control", "branchformer", "frame"],
)
def test_what_cannot_stream_is_packaged_without(tmp_path, settings, monkeypatch):
    folder = shutil.copytree(variants.variants_folder(), tmp_path / "hparams")
    (folder / "frame.yaml").write_text("theta: frame\n")
    monkeypatch.setattr(variants, "variants_folder", lambda: folder)
    make_run(tmp_path / "run", **settings)
    package = package_run(tmp_path / "run")
    assert (package / "hyperparams.yaml").is_file()
    assert not (package / "streaming.yaml").exists()
