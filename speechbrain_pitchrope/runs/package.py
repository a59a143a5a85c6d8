"""A trained run as a folder that SpeechBrain's inference interfaces load.

    output folder of a run -> package: hyperparams.yaml  what to build
                                       streaming.yaml    if the model can stream
                                       model.ckpt        averaged weights
                                       normalizer.ckpt   statistics
                                       tokenizer.ckpt    SentencePiece model
                                       lm.ckpt           if the test used one

A model that decodes with CTC becomes an ``EncoderASR``, others an
``EncoderDecoderASR``; one with ``pitch_level: window`` (or ``fixed``) and ``norm_type:
global`` is a ``StreamingASR`` as well: a transducer by its greedy search, others by
greedy CTC. All are of ``speechbrain.inference.ASR``. A package decodes as the test did,
and may be moved: no path stands in it.
"""

import re
import shutil
from pathlib import Path

import jinja2
import torch
from ruamel.yaml import YAML, MappingNode, ScalarNode
from sentencepiece import SentencePieceProcessor

import speechbrain_pitchrope
from speechbrain_pitchrope.files import replacing
from speechbrain_pitchrope.lobes.streaming import find_obstacle
from speechbrain_pitchrope.runs.folder import load_recogniser
from speechbrain_pitchrope.runs.run import HYPERPARAMS, Run, class_of, reading
from speechbrain_pitchrope.runs.trained import OUTPUTS, load_trained, read_state

STREAMING = "streaming.yaml"

NAMES = "model pt_model lm normalizer normalize tokenizer".split()
FILES = {HYPERPARAMS, STREAMING, *(f"{name}.ckpt" for name in NAMES)}
"""What a package consists of."""

CTC_SEARCH = "speechbrain.decoders.ctc.CTCBeamSearcher"
SENTENCEPIECE = "sentencepiece.SentencePieceProcessor"
LETTERS = "speechbrain.dataio.encoder.CTCTextEncoder"

TEMPLATE = jinja2.Template(
    Path(__file__).with_name("package.yaml.j2").read_text(encoding="utf-8"),
    trim_blocks=True,
    keep_trailing_newline=True,
    undefined=jinja2.StrictUndefined,
)


def package_run(output_folder, package_folder=None):
    """Package a finished run, or one of its checkpoints; returns the package's folder.

    This runs what the run's hyperparams.yaml names. ``package_folder`` is ``package``
    in the output folder if not given; a package that is there already is replaced.
    """
    model = load_trained(output_folder)
    folder = Path(package_folder or model.folder / "package").absolute()
    _check_replaceable(folder)
    kind, search, tokenizer = *model.run.search, model.tokenizer
    with reading(model.folder / HYPERPARAMS, "correct it, or train anew"):
        texts, files = _texts(model, kind, search, tokenizer)
    with replacing(folder) as part:
        part.mkdir()
        for name, source in files.items():
            if isinstance(source, torch.nn.Module):
                torch.save(source.state_dict(), part / f"{name}.ckpt")
            else:
                shutil.copyfile(source, part / f"{name}.ckpt")
        for name, text in texts.items():
            (part / name).write_text(text, encoding="utf-8")
        with reading(model.folder / HYPERPARAMS, "correct it, or train anew"):
            load_recogniser(part, "cpu")  # what does not load is no package
        if folder.exists():
            shutil.rmtree(folder)
    return folder


def _check_replaceable(folder):
    """Refuse a folder that holds anything else than a package."""
    if folder.is_file():
        raise ValueError(f"{folder} is a file: choose another folder")
    names = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    strange = ", ".join(sorted(names - FILES))
    if strange:
        raise ValueError(
            f"{folder} holds {strange}, which belong to no package: choose another "
            "folder"
        )


def _texts(model, kind, search, tokenizer):
    """{file: text} of the yaml files, and {name: network or path} of the others."""
    entries, outputs = dict(model.run.entries), [*OUTPUTS]
    streaming_outputs = "streaming_outputs"
    if kind == "transducer":
        outputs = [streaming_outputs := "proj_enc"]
    elif kind == "ctc":
        # EncoderASR makes the search, of these arguments and the tokenizer's pieces.
        entries["test_beam_search"] = MappingNode(
            "tag:yaml.org,2002:map",
            # Not those left out: it would look for the file "null".
            [pair for pair in entries[search].value if not _is_null(pair[1])],
        )
    elif model.run.settings.get("lm_file") is not None:
        _add_language_model(model.run)
    run = Run(model.folder, entries)
    outputs = [name for name in outputs if name in entries and name != "proj_ctc"]
    is_letters = not isinstance(tokenizer, SentencePieceProcessor)
    context = {
        **{"kind": kind, "chain": run.chain, "outputs": outputs},
        "variant": run.variant,
        "epochs": ", ".join(map(str, model.epochs)),
        "version": speechbrain_pitchrope.__version__,
        "blank_index": model.hparams["blank_index"],
        "search_class": class_of(entries[search]) or CTC_SEARCH,
        "tokenizer": LETTERS if is_letters else SENTENCEPIECE,
    }
    texts, files = {}, {"tokenizer": run.tokenizer_file}
    if not is_letters and _streams(model, kind):
        modules = {
            "fea_streaming_extractor": "fea_streaming_extractor",
            "enc": "streaming_encoder",
            "proj_enc": streaming_outputs,
        }
        greedy = ["Greedysearcher"] if kind == "transducer" else []
        texts[STREAMING], _ = _render(
            *(model, run, [*outputs, *greedy], modules),
            context | {"interface": "StreamingASR"},
        )
    if kind == "ctc":
        interface, taken, modules = "EncoderASR", ["test_beam_search"], {}
    else:
        interface, taken, modules = "EncoderDecoderASR", [search], {"decoder": search}
    if kind == "joint":
        context["outputs"] = []
    texts[HYPERPARAMS], found = _render(
        *(model, run, [*context["outputs"], *taken], {"encoder": "encoder"} | modules),
        context | {"interface": interface},
    )
    return texts, files | found


def _add_language_model(run):
    """Give the test search the language model of lm_file, as train.py does."""
    entries, settings = run.entries, run.settings
    for name in ("lm_model", "transformerlm_scorer"):
        entries[name].tag = entries[name].tag.replace("!name:", "!new:")
    key = ScalarNode("tag:yaml.org,2002:str", "language_model")
    entries["transformerlm_scorer"].value += [(key, entries["lm_model"])]
    made = YAML().compose(
        "full_scorers: []\n"
        f"weights: {{ctc: {settings['ctc_weight_decode']}, "
        f"transformerlm: {settings['lm_weight']}}}\n"
    )
    scorers = [entries["ctc_scorer"], entries["transformerlm_scorer"]]
    made.value[0][1].value = scorers
    entries["scorer_test_search"].value = made.value


def _render(model, run, names, modules, context):
    """Text of a yaml file, and what its pretrainer loads, tokenizer excepted."""
    taken = ["sample_rate", *run.chain.values(), *run.trained.values(), *names]
    entries = run.excerpt(taken)
    kept = set(re.findall(r"^(\w+):", entries, flags=re.MULTILINE))
    files, sources = {}, {}
    for name, entry in run.trained.items():
        files[name] = entry
        is_network = isinstance(model.hparams[entry], torch.nn.ModuleList)
        sources[name] = model.hparams[entry] if is_network else model.files[name]
    fetched = {
        name: (entry, run.save_folder / f"{name}.ckpt")
        for name, entry in run.listed("pretrainer", "loadables").items()
    }
    if run.settings.get("lm_file") is not None:
        fetched["lm"] = "lm_model", run.find(run.settings["lm_file"])
    for name, (entry, path) in fetched.items():
        if entry in kept - {"tokenizer", *files.values()}:
            files[name], sources[name] = entry, path
            read_state(path)  # damage is told before anything is written
    networks = [entry for entry in files.values() if entry not in run.chain.values()]
    modules = modules | {name: name for name in networks}
    text = TEMPLATE.render(**context, entries=entries, files=files, modules=modules)
    return text, sources


def _streams(model, kind):
    """Whether the model gives, chunk by chunk, what it gives for the whole."""
    layers = [model.hparams[name] for name in ("compute_features", "normalize", "CNN")]
    encoder = model.hparams["Transformer"].encoder
    search = "Greedysearcher" if kind == "transducer" else "ctc_lin"
    return (
        find_obstacle(layers) is None
        and hasattr(encoder, "forward_streaming")
        and getattr(encoder, "control", "none") == "none"
        and search in model.run.entries
    )


def _is_null(node):
    """Whether an argument is left out."""
    return isinstance(node, ScalarNode) and node.value in ("null", "", "~")
