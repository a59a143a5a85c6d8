"""The yaml files of a package, for SpeechBrain's inference interfaces.

The entries that inference needs are taken from the hyperparams.yaml of the training
run, whatever was changed there, with ``!ref`` in the place of its anchors; the entries
of the interface are put behind them. No path stands in these files.
"""

import io
import re

from ruamel.yaml import YAML, MappingNode, ScalarNode, SequenceNode

import speechbrain_pitchrope
from speechbrain_pitchrope.lobes.streaming import find_obstacle
from speechbrain_pitchrope.runs.trained import HYPERPARAMS

HEADER = """\
# Speech recognition with pitch-aware rotary attention (speechbrain_pitchrope).
#
#   from speechbrain.inference.ASR import {interface}
#   asr = {interface}.from_hparams(source="the folder of this file"{options})
#   asr.{call}
#
# Variant    {variant}
# Weights    {weights}
# Decodes    {decoding}
# Made with  speechbrain_pitchrope {version}
"""

FRONT = ("sample_rate", "compute_features", "normalize", "model")
"""Entries that every interface needs; "model" names the networks."""

COMMENTS = {
    "sample_rate": "Recordings are resampled to this, and their channels averaged.",
    "compute_features": "Mels, and four channels of pitch behind them.",
    "pitch_attention": "How attention listens. With all pitch zero it is RoPE.",
    "model": "What model.ckpt holds.",
    "test_search": "The search of the test.",
    "test_beam_search": "The search of the test.",
    "lm_model": "The language model of the test.",
}
"""Written above the entries of these names."""

CTC_ALONE = """
decoding_function: !name:{search}

# For speed in place of exactness in padded batches, take SpeechBrain's
# speechbrain.nnet.containers.LengthsCapableSequential, without blank_index.
encoder: !new:speechbrain_pitchrope.runs.rowwise.RowwiseSequential
  blank_index: {blank_index}
  compute_features: !ref <compute_features>
  normalize: !ref <normalize>
  CNN: !ref <CNN>
  Transformer: !new:speechbrain.lobes.models.transformer.TransformerASR.EncoderWrapper
    transformer: !ref <Transformer>
  ctc_lin: !ref <ctc_lin>
  log_softmax: !ref <log_softmax>

modules:
  encoder: !ref <encoder>
"""

JOINT = """
scorer: !new:speechbrain.decoders.scorer.ScorerBuilder
  full_scorers: [{scorers}]
  weights: {{{weights}}}

# For speed in place of exactness in padded batches, take SpeechBrain's
# speechbrain.nnet.containers.LengthsCapableSequential, and <test_search> as decoder.
encoder: !new:speechbrain_pitchrope.runs.rowwise.RowwiseSequential
  compute_features: !ref <compute_features>
  normalize: !ref <normalize>
  CNN: !ref <CNN>
  Transformer: !new:speechbrain.lobes.models.transformer.TransformerASR.EncoderWrapper
    transformer: !ref <Transformer>

decoder: !new:speechbrain_pitchrope.runs.rowwise.RowwiseSearch
  search: !ref <test_search>

modules:
  encoder: !ref <encoder>
  decoder: !ref <decoder>
  model: !ref <model>
"""

STREAMING = """
fea_streaming_extractor: !new:speechbrain_pitchrope.lobes.streaming.PitchStreamingFeatureWrapper
  module: !new:speechbrain.nnet.containers.LengthsCapableSequential
    - !ref <compute_features>
    - !ref <normalize>
    - !ref <CNN>
  properties: !apply:speechbrain.utils.filter_analysis.stack_filter_properties
    - [!ref <compute_features>, !ref <CNN>]

enc: !new:speechbrain.lobes.models.transformer.TransformerASR.EncoderWrapper
  transformer: !ref <Transformer>

proj_enc: !new:speechbrain.nnet.containers.Sequential
  ctc_lin: !ref <ctc_lin>
  log_softmax: !ref <log_softmax>

# Greedy CTC: a beam can change its mind about what has been said.
decoding_function: !name:speechbrain_pitchrope.decoders.ctc.ctc_greedy_decode_streaming
  blank_id: {blank_index}
make_decoder_streaming_context: !name:speechbrain_pitchrope.decoders.ctc.CTCGreedyStreamingContext
tokenizer_decode_streaming: !name:speechbrain_pitchrope.tokenizers.SentencePiece.decode_streaming
make_tokenizer_streaming_context: !name:speechbrain_pitchrope.tokenizers.SentencePiece.StreamingContext

modules:
  fea_streaming_extractor: !ref <fea_streaming_extractor>
  enc: !ref <enc>
  proj_enc: !ref <proj_enc>
"""  # noqa: E501

LOADING = """
audio_normalizer: !new:speechbrain.dataio.preprocess.AudioNormalizer
  sample_rate: !ref <sample_rate>

tokenizer: !new:sentencepiece.SentencePieceProcessor

# Each from the file of its name beside this one: model.ckpt, normalizer.ckpt, ...
pretrainer: !new:speechbrain.utils.parameter_transfer.Pretrainer
  loadables:
    model: !ref <model>
    normalizer: !ref <normalize>
    tokenizer: !ref <tokenizer>
"""


def inference_yaml(run):
    """The hyperparams.yaml of a package.

    Arguments
    ---------
    run : speechbrain_pitchrope.runs.trained.TrainedRun
        The run to package.

    Returns
    -------
    str
        HyperPyYAML, as ``EncoderDecoderASR.from_hparams`` or, for CTC alone,
        ``EncoderASR.from_hparams`` wants it.
    """
    entries, shared = _read_entries(run)
    make = _joint if run.hparams["num_decoder_layers"] > 0 else _ctc_alone
    interface, searches, rest = make(entries, run.hparams)
    header = HEADER.format(
        interface=interface,
        options="",
        call='transcribe_file("speech.wav")',
        decoding="as the test of the training run",
        **_about(run),
    )
    return f"{header}\n{excerpt(entries, [*FRONT, *searches], shared)}{rest}"


def streaming_yaml(run):
    """The streaming.yaml of a package, None for a model that can't stream.

    Arguments
    ---------
    run : speechbrain_pitchrope.runs.trained.TrainedRun
        The run to package.

    Returns
    -------
    str or None
        HyperPyYAML, as ``StreamingASR.from_hparams`` wants it.
    """
    layers = [run.hparams[name] for name in ("compute_features", "normalize", "CNN")]
    encoder = run.hparams["Transformer"].encoder
    streams = hasattr(encoder, "forward_streaming") and encoder.control == "none"
    if find_obstacle(layers) is not None or not streams:
        return None
    entries, shared = _read_entries(run)
    header = HEADER.format(
        interface="StreamingASR",
        options=', hparams_file="streaming.yaml"',
        call='transcribe_file("speech.wav", DynChunkTrainConfig(16, 4), False)',
        decoding="by greedy CTC, chunk by chunk",
        **_about(run),
    )
    taken = excerpt(entries, [*FRONT, "log_softmax"], shared)
    rest = STREAMING.format(blank_index=run.hparams["blank_index"]) + LOADING
    return f"{header}\n{taken}{rest}"


def _about(run):
    epochs = ", ".join(map(str, run.epochs))
    weights = (
        f"the average of epochs {epochs}" if len(run.epochs) > 1 else "one epoch's"
    )
    return {
        "variant": run.variant,
        "weights": weights,
        "version": speechbrain_pitchrope.__version__,
    }


def _read_entries(run):
    """Entries of the run's yaml by name, and names of those that others refer to."""
    root = YAML().compose(run.folder / HYPERPARAMS)
    entries = {key.value: node for key, node in root.value}
    shared = names_of(entries)
    for name, node in entries.items():
        if node.tag.startswith("!apply:speechbrain_pitchrope.variants."):
            # The settings themselves: what a variant's name means may change.
            entries[name] = YAML().representer.represent_data(run.hparams[name])
    return entries, shared


def _ctc_alone(entries, hparams):
    """Interface of a model without decoder, entries that it needs, and text behind."""
    search = entries["ctc_search"]
    entries["test_beam_search"] = MappingNode("tag:yaml.org,2002:map", search.value)
    rest = CTC_ALONE.format(
        search=search.tag.removeprefix("!name:"), blank_index=hparams["blank_index"]
    )
    needed = ["log_softmax", "test_beam_search"]
    return "EncoderASR", needed, rest + LOADING


def _joint(entries, hparams):
    """Interface of a model with a decoder, entries that it needs, and text behind."""
    needed = ["test_search", "ctc_scorer"]
    scorers, weights = "!ref <ctc_scorer>", f"ctc: {hparams['ctc_weight_decode']}"
    loading, modules = LOADING, JOINT
    _make_now(entries["test_search"], scorer="scorer")
    if hparams["lm_file"] is not None:
        _make_now(entries["lm_model"])
        _make_now(entries["lm_scorer"], language_model="lm_model")
        needed += ["lm_model", "lm_scorer"]
        scorers += ", !ref <lm_scorer>"
        weights += f", transformerlm: {hparams['lm_weight']}"
        modules += "  lm: !ref <lm_model>\n"
        loading += "    lm: !ref <lm_model>\n"
    rest = modules.format(scorers=scorers, weights=weights) + loading
    return "EncoderDecoderASR", needed, rest


def _make_now(node, **references):
    """Turn ``!name:`` into ``!new:``, with these references as further arguments."""
    node.tag = node.tag.replace("!name:", "!new:")
    for name, entry in references.items():
        key = ScalarNode("tag:yaml.org,2002:str", name)
        node.value.append((key, reference(entry)))


def reference(entry):
    """A node that refers to an entry."""
    return ScalarNode("!ref", f"<{entry}>")


def names_of(entries):
    """Names of entries that others may refer to, by the id of their nodes."""
    return {
        id(node): name
        for name, node in entries.items()
        if not isinstance(node, ScalarNode) or node.tag.startswith("!")
    }


def excerpt(entries, names, shared):
    """Text of entries and of all others that stand in them, each written once.

    Arguments
    ---------
    entries : dict
        Name to node of each entry of a yaml. Nodes are changed in place.
    names : list of str
        Those to take.
    shared : dict
        As of ``names_of``.

    Returns
    -------
    str
        HyperPyYAML, with references in the place of anchors.
    """
    used = set()

    def unshared(node):
        """The node with references in the place of other entries; notes their names."""
        node.comment = node.anchor = None
        if isinstance(node, ScalarNode) and _is_tuple(node):
            # Else it would be quoted, and HyperPyYAML takes a quoted tuple for a text
            # from the second file on that a process loads.
            node.tag = "!tuple"
        if isinstance(node, MappingNode):
            node.value = [(key, met(value)) for key, value in node.value]
        elif isinstance(node, SequenceNode):
            node.value = [met(value) for value in node.value]
        return node

    def met(node):
        if id(node) not in shared:
            return unshared(node)
        used.add(shared[id(node)])
        return reference(shared[id(node)])

    waiting, kept = [*names], {}
    while waiting:
        name = waiting.pop()
        kept[name] = unshared(entries[name])
        waiting.extend(used - kept.keys())
    order = [name for name in entries if name in kept]
    return "\n".join(_dumped(name, kept[name]) for name in order)


def _is_tuple(node):
    """Whether HyperPyYAML reads a scalar as a tuple."""
    return node.style is None and re.fullmatch(r"\(.*\)", node.value) is not None


def _dumped(name, node):
    """Text of one entry with its comment."""
    yaml, text = YAML(), io.StringIO()
    yaml.width = 10_000  # it would break a line behind a long tag
    key = ScalarNode("tag:yaml.org,2002:str", name)
    yaml.serialize(MappingNode("tag:yaml.org,2002:map", [(key, node)]), text)
    comment = f"# {COMMENTS[name]}\n" if name in COMMENTS else ""
    return comment + re.sub(r"[ \t]+$", "", text.getvalue(), flags=re.MULTILINE)
