"""Output folders as swapped recipes of SpeechBrain's leave them, without training."""

import torch
from hyperpyyaml import load_hyperpyyaml, resolve_references
from speechbrain.dataio.encoder import CTCTextEncoder
from speechbrain.utils.checkpoints import average_state_dicts

from speechbrain_pitchrope.nnet.attention import PitchRoPEMHA
from speechbrain_pitchrope.swapping.rewrite import swap
from tests.made_runs import WORDS, make_tokenizer, set_statistics
from tests.swapping.recipes import FEATURES, HEAD, model

COMMON = f"""{HEAD}
save_folder: !ref <output_folder>/save
sample_rate: 16000
avg_checkpoints: 2
blank_index: 0
{FEATURES}"""
ROPE = "    attention_type: RoPEMHA\n"
OUTPUTS = """
ctc_lin: !new:speechbrain.nnet.linear.Linear {input_size: 16, n_neurons: 31}
log_softmax: !new:torch.nn.LogSoftmax {dim: -1}
"""
CHECKPOINTS = """
epoch_counter: !new:speechbrain.utils.epoch_loop.EpochCounter {limit: 2}
checkpointer: !new:speechbrain.utils.checkpoints.Checkpointer
    checkpoints_dir: !ref <save_folder>
    recoverables:
        model: !ref <model>
        normalizer: !ref <normalize>
        counter: !ref <epoch_counter>
"""
FETCHED = """
tokenizer: !new:sentencepiece.SentencePieceProcessor
pretrainer: !new:speechbrain.utils.parameter_transfer.Pretrainer
    collect_in: !ref <save_folder>
    loadables: {lm: !ref <lm_model>, tokenizer: !ref <tokenizer>}
    paths: {lm: some/where/lm.ckpt, tokenizer: some/where/tokenizer.ckpt}
"""
JOINT = f"""{COMMON}{model()}{OUTPUTS}
seq_lin: !new:speechbrain.nnet.linear.Linear {{input_size: 16, n_neurons: 31}}
lm_model: !new:speechbrain.lobes.models.transformer.TransformerLM.TransformerLM
    {{vocab: 31, d_model: 16, nhead: 2, num_encoder_layers: 1, num_decoder_layers: 0,
    d_ffn: 16, dropout: 0.5, activation: !name:torch.nn.GELU }}
model: !new:torch.nn.ModuleList
    - [!ref <CNN>, !ref <Transformer>, !ref <seq_lin>, !ref <ctc_lin>]
ctc_scorer: !new:speechbrain.decoders.scorer.CTCScorer
    {{eos_index: 2, blank_index: !ref <blank_index>, ctc_fc: !ref <ctc_lin>}}
lm_scorer: !new:speechbrain.decoders.scorer.TransformerLMScorer
    language_model: !ref <lm_model>
scorer_test_search: !new:speechbrain.decoders.scorer.ScorerBuilder
    full_scorers: [!ref <lm_scorer>, !ref <ctc_scorer>]
    weights: {{ctc: 0.4, transformerlm: 3.0}}
test_search: !new:speechbrain.decoders.S2STransformerBeamSearcher
    {{modules: [!ref <Transformer>, !ref <seq_lin>], bos_index: 1, eos_index: 2,
    min_decode_ratio: 0.0, max_decode_ratio: 0.2, beam_size: 2,
    scorer: !ref <scorer_test_search>}}
{FETCHED}{CHECKPOINTS}"""
CTC = f"""{COMMON}{model(decoders=0)}{OUTPUTS}
model: !new:torch.nn.ModuleList
    - [!ref <CNN>, !ref <Transformer>, !ref <ctc_lin>]
test_beam_search: {{blank_index: !ref <blank_index>, beam_size: 3}}
{CHECKPOINTS}"""
AFTER_PRETRAINING = f"""{COMMON}{model(decoders=0)}{OUTPUTS}
enc: !new:speechbrain.lobes.models.transformer.TransformerASR.EncoderWrapper
    transformer: !ref <Transformer>
back_end_ffn: !new:speechbrain.nnet.containers.Sequential
    input_shape: [null, null, 16]
    linear1: !name:speechbrain.nnet.linear.Linear {{n_neurons: 16}}
pt_model: !new:torch.nn.ModuleList
    - [!ref <CNN>, !ref <enc>]
model: !new:torch.nn.ModuleList
    - [!ref <back_end_ffn>, !ref <ctc_lin>]
test_beam_search:
    {{blank_index: !ref <blank_index>, beam_size: 3, space_token: ' ',
    kenlm_model_path: null}}
{CHECKPOINTS}        pt_model: !ref <pt_model>
"""
for old, new in (
    ("avg_checkpoints: 2\n", ""),
    ("n_neurons: 31", "n_neurons: 29"),
    ("normalizer: !ref", "normalize: !ref"),
):
    AFTER_PRETRAINING = AFTER_PRETRAINING.replace(old, new)
TRANSDUCER = f"""{COMMON.replace("norm_type: 'sentence'", "norm_type: global")}
sampler: !new:speechbrain.utils.dynamic_chunk_training.DynChunkTrainConfigRandomSampler
    {{chunkwise_prob: 0.6, chunk_size_min: 4, chunk_size_max: 8,
    limited_left_context_prob: 0.75, left_context_chunks_min: 1,
    left_context_chunks_max: 2}}
{model(ROPE, decoders=0)}
enc: !new:speechbrain.lobes.models.transformer.TransformerASR.EncoderWrapper
    transformer: !ref <Transformer>
proj_enc: !new:speechbrain.nnet.linear.Linear
    {{input_size: 16, n_neurons: 16, bias: False}}
proj_dec: !new:speechbrain.nnet.linear.Linear
    {{input_size: 16, n_neurons: 16, bias: False}}
emb: !new:speechbrain.nnet.embedding.Embedding
    {{num_embeddings: 31, consider_as_one_hot: True, blank_id: !ref <blank_index>}}
dec: !new:speechbrain.nnet.RNN.LSTM {{input_shape: [null, null, 30], hidden_size: 16}}
Tjoint: !new:speechbrain.nnet.transducer.transducer_joint.Transducer_joint
    {{joint: sum, nonlinearity: !name:torch.nn.GELU }}
transducer_lin: !new:speechbrain.nnet.linear.Linear
    {{input_size: 16, n_neurons: 31, bias: False}}
lm_model: !new:speechbrain.lobes.models.RNNLM.RNNLM
    {{output_neurons: 31, embedding_dim: 8, rnn_layers: 1, rnn_neurons: 8,
    dnn_neurons: 8, return_hidden: True}}
model: !new:torch.nn.ModuleList
    - [!ref <CNN>, !ref <enc>, !ref <emb>, !ref <dec>, !ref <proj_enc>,
       !ref <proj_dec>, !ref <transducer_lin>]
Greedysearcher: !new:speechbrain.decoders.transducer.TransducerBeamSearcher
    {{decode_network_lst: [!ref <emb>, !ref <dec>, !ref <proj_dec>],
    tjoint: !ref <Tjoint>, classifier_network: [!ref <transducer_lin>],
    blank_id: !ref <blank_index>, beam_size: 1, nbest: 1}}
Beamsearcher: !new:speechbrain.decoders.transducer.TransducerBeamSearcher
    {{decode_network_lst: [!ref <emb>, !ref <dec>, !ref <proj_dec>],
    tjoint: !ref <Tjoint>, classifier_network: [!ref <transducer_lin>],
    blank_id: !ref <blank_index>, nbest: 1, lm_module: !ref <lm_model>, lm_weight: 0.5,
    beam_size: 1}} # a beam of random weights does not end
{FETCHED}{CHECKPOINTS}"""
RECIPES = {
    "joint": JOINT,
    "ctc": CTC,
    "after_pretraining": AFTER_PRETRAINING,
    "transducer": TRANSDUCER,
}
"""Those that can be packaged."""


def make_swapped_run(folder, recipe, variant="all"):
    """A finished run of one of ``RECIPES``, swapped, whose weights are random.

    Returns what the recipe's yaml makes, with weights as the test has them.
    """
    text = swap(RECIPES[recipe].replace("tgt_vocab: 8", "tgt_vocab: 31"), variant)
    overrides = {"data_folder": "audio", "output_folder": str(folder)}
    folder.mkdir(parents=True)
    resolved = resolve_references(text, overrides).getvalue()
    (folder / "hyperparams.yaml").write_text(resolved, encoding="utf-8")
    with torch.random.fork_rng(devices=[]):
        hparams = load_hyperpyyaml(text, overrides)
    _make_files(folder / "save", hparams, recipe)
    set_statistics(hparams["normalize"], 20)
    networks = [hparams[name] for name in ("model", "pt_model") if name in hparams]
    states = []
    for epoch, score in ((1, 40.0), (2, 30.0)):
        for parameter in (p for net in networks for p in net.parameters()):
            parameter.data.add_(0.1 * torch.randn_like(parameter))
        ours = (m for m in networks[-1].modules() if isinstance(m, PitchRoPEMHA))
        for net in ours:
            net.similarity_even.data.add_(1.0)
        meta = {"epoch": epoch, "WER": score, "ACC": 100 - score}
        states.append({k: v.clone() for k, v in networks[0].state_dict().items()})
        hparams["checkpointer"].save_checkpoint(meta)
    if "avg_checkpoints" in hparams:
        networks[0].load_state_dict(average_state_dicts(states))
    hparams["modules"] = torch.nn.ModuleDict(
        {k: v for k, v in hparams.items() if isinstance(v, torch.nn.Module)}
    ).eval()
    return hparams


def _make_files(save_folder, hparams, recipe):
    """Tokenizer and language model, where the recipe has put them."""
    save_folder.mkdir(exist_ok=True)
    if recipe == "after_pretraining":
        letters = CTCTextEncoder()
        letters.update_from_iterable(WORDS)
        letters.insert_blank(index=0)
        letters.save(str(save_folder / "label_encoder.txt"))
        return
    make_tokenizer(save_folder)
    if recipe != "ctc":
        (save_folder / "31_char.model").rename(save_folder / "tokenizer.ckpt")
        hparams["tokenizer"].load(str(save_folder / "tokenizer.ckpt"))
        hparams["lm_model"].eval()
        torch.save(hparams["lm_model"].state_dict(), save_folder / "lm.ckpt")
