"""The yaml files of a package of a swapped recipe, for SpeechBrain's interfaces.

As in ``inference_yaml``, entries are taken from the hyperparams.yaml of the run, and
those of the interface are put behind them.
"""

import copy

from hyperpyyaml import load_hyperpyyaml
from ruamel.yaml import YAML

import speechbrain_pitchrope
from speechbrain_pitchrope.lobes.streaming import find_obstacle
from speechbrain_pitchrope.runs.inference_yaml import HEADER, excerpt, names_of
from speechbrain_pitchrope.runs.swapped_run import CTC, JOINT, TRANSDUCER

FRONT = ("sample_rate", "model", "pt_model")
"""Entries that every interface needs, those of them that there are."""

ENCODER = """
# For speed in place of exactness in padded batches, take SpeechBrain's
# speechbrain.nnet.containers.LengthsCapableSequential{instead}.
encoder: !new:speechbrain_pitchrope.runs.rowwise.RowwiseSequential
  {layers}
"""

SEARCHES = {
    JOINT: """
decoder: !new:speechbrain_pitchrope.runs.rowwise.RowwiseSearch
  search: !ref <test_search>
""",
    TRANSDUCER: """
decoder: !new:speechbrain_pitchrope.runs.rowwise.RowwiseTransducerSearch
  search: !ref <Beamsearcher>
""",
    CTC: """
decoding_function: !name:speechbrain.decoders.ctc.CTCBeamSearcher
""",
}

STREAMING = """
fea_streaming_extractor: !new:speechbrain_pitchrope.lobes.streaming.PitchStreamingFeatureWrapper
  module: !new:speechbrain.nnet.containers.LengthsCapableSequential
    - !ref <{features}>
    - !ref <{normalize}>
    - !ref <{front_end}>
  properties: !apply:speechbrain.utils.filter_analysis.stack_filter_properties
    - [!ref <{features}>, !ref <{front_end}>]

streaming_encoder: !new:speechbrain.lobes.models.transformer.TransformerASR.EncoderWrapper
  transformer: !ref <{transformer}>

# Greedy: a beam can change its mind about what has been said.
decoding_function: !name:speechbrain.decoders.transducer.TransducerBeamSearcher.transducer_greedy_decode_streaming
  - !ref <Greedysearcher>
make_decoder_streaming_context: !name:speechbrain.decoders.transducer.TransducerGreedySearcherStreamingContext
tokenizer_decode_streaming: !name:speechbrain_pitchrope.tokenizers.SentencePiece.decode_streaming
make_tokenizer_streaming_context: !name:speechbrain_pitchrope.tokenizers.SentencePiece.StreamingContext
"""  # noqa: E501

LOADING = """
audio_normalizer: !new:speechbrain.dataio.preprocess.AudioNormalizer
  sample_rate: !ref <sample_rate>

tokenizer: !new:{tokenizer}

# Each from the file of its name beside this one.
pretrainer: !new:speechbrain.utils.parameter_transfer.Pretrainer
  loadables:
    tokenizer: !ref <tokenizer>
    {loadables}

modules:
  {modules}
"""


def swapped_inference_yaml(run):
    """The hyperparams.yaml of a package, and the files that it loads.

    Arguments
    ---------
    run : speechbrain_pitchrope.runs.swapped_run.SwappedRun
        The run to package.

    Returns
    -------
    text : str
        HyperPyYAML for ``EncoderDecoderASR`` or, for CTC, ``EncoderASR``.
    files : dict
        Name of each ``.ckpt`` to its entry, tokenizer excepted.
    """
    interface = "EncoderASR" if run.family is CTC else "EncoderDecoderASR"
    behind = [name for name in run.family.behind if name in run.entries]
    taken, kept = _taken(run, [*run.chain, run.family.search, *behind])
    layers = [f"{name}: !ref <{name}>" for name in run.chain[:-1]]
    layers += [
        f"{run.chain[-1]}: !new:speechbrain.lobes.models.transformer.TransformerASR."
        f"EncoderWrapper\n    transformer: !ref <{run.chain[-1]}>",
        *(f"{name}: !ref <{name}>" for name in behind),
    ]
    instead = ", and the search as decoder"
    if run.family is CTC:
        layers.insert(0, f"blank_index: {run.entries['blank_index'].value}")
        instead = ", without blank_index"
    modules = ["encoder"] if run.family is CTC else ["encoder", "decoder"]
    loading, files = _loading(run, kept, modules)
    text = "".join(
        (
            _header(run, interface, "", 'transcribe_file("speech.wav")'),
            f"\n{taken}",
            ENCODER.format(layers="\n  ".join(layers), instead=instead),
            SEARCHES[run.family],
            loading,
        )
    )
    return text, files


def swapped_streaming_yaml(run):
    """The streaming.yaml of a package; None if the model can't stream.

    Arguments
    ---------
    run : speechbrain_pitchrope.runs.swapped_run.SwappedRun
        The run to package.

    Returns
    -------
    str or None
        HyperPyYAML for ``StreamingASR``: a transducer's greedy search.
    """
    features, normalize, front_end, transformer = run.chain
    if run.family is not TRANSDUCER or "Greedysearcher" not in run.entries:
        return None
    built = load_hyperpyyaml(_taken(run, run.chain[:-1], ())[0])
    if find_obstacle([built[name] for name in run.chain[:-1]]) is not None:
        return None
    taken, kept = _taken(run, [*run.chain, "Greedysearcher", *run.family.behind])
    modules = ["fea_streaming_extractor", "enc", *run.family.behind]
    loading, _ = _loading(run, kept, modules)
    header = _header(
        run,
        "StreamingASR",
        ', hparams_file="streaming.yaml"',
        'transcribe_file("speech.wav", DynChunkTrainConfig(16, 4), False)',
    )
    body = STREAMING.format(
        features=features,
        normalize=normalize,
        front_end=front_end,
        transformer=transformer,
    )
    loading = loading.replace("enc: !ref <enc>", "enc: !ref <streaming_encoder>")
    return f"{header}\n{taken}{body}{loading}"


def _header(run, interface, options, call):
    epochs = run.epochs
    several = len(run.checkpoints) > 1
    weights = "the average of epochs " if several else "of epoch "
    return HEADER.format(
        interface=interface,
        options=options,
        call=call,
        variant=run.variant,
        weights=weights + ", ".join(map(str, epochs)) if epochs else "as the test had",
        decoding="greedily, chunk by chunk" if options else "as the test of the run",
        version=speechbrain_pitchrope.__version__,
    )


def _taken(run, names, front=FRONT):
    """Text of these entries and of those that every interface needs, and all names."""
    entries = copy.deepcopy(run.entries)
    search = entries.get("test_beam_search")
    if search is not None:
        search.value = [pair for pair in search.value if not _is_no_kenlm(*pair)]
    wanted = [*(name for name in front if name in entries), *names]
    text = excerpt(entries, list(dict.fromkeys(wanted)), names_of(entries))
    return text, {key.value for key, _ in YAML().compose(text).value}


def _is_no_kenlm(key, value):
    """SpeechBrain's interface would look for a file, were there such a key."""
    return key.value == "kenlm_model_path" and value.value in ("null", "")


def _loading(run, kept, modules):
    """The last entries of a yaml, and what they load."""
    files = {name: entry for name, entry in run.trained.items() if entry in kept}
    files |= {
        name: entry
        for name, entry in run.fetched.items()
        if entry in kept - {"tokenizer"} and entry not in files.values()
    }
    networks = [entry for entry in files.values() if entry not in run.chain]
    text = LOADING.format(
        tokenizer=run.tokenizer[0],
        loadables="\n    ".join(f"{n}: !ref <{e}>" for n, e in files.items()),
        modules="\n  ".join(f"{n}: !ref <{n}>" for n in (*modules, *networks)),
    )
    return text, files
