"""A trained run as a folder that SpeechBrain's inference interfaces load.

A model that decodes with CTC becomes an ``EncoderASR``, others an
``EncoderDecoderASR``. A conformer with ``pitch_level: window`` (or ``fixed``) and
``norm_type: global`` is a ``StreamingASR`` as well: a transducer by its greedy search,
others by greedy CTC. A package decodes as the test did, and no path stands in it.
"""

import re
import shutil
from pathlib import Path

import jinja2
import torch
from ruamel.yaml import YAML, MappingNode, ScalarNode
from sentencepiece import SentencePieceProcessor
from speechbrain.inference import ASR
from speechbrain.utils.fetching import FetchConfig

from speechbrain_pitchrope import __version__
from speechbrain_pitchrope.files import reading, replacing
from speechbrain_pitchrope.lobes.streaming import find_obstacle
from speechbrain_pitchrope.nodes import class_of
from speechbrain_pitchrope.runs.run import HYPERPARAMS, MAPPING, TEXT, interface_of
from speechbrain_pitchrope.runs.trained import OUTPUTS, load_trained, read_state

STREAMING = "streaming.yaml"
NAMES = ("model", "pt_model", "lm", "normalizer", "normalize", "tokenizer")
FILES = {HYPERPARAMS, STREAMING, *(f"{name}.ckpt" for name in NAMES)}
"""What a package consists of."""

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
    strange = ", ".join(sorted({path.name for path in folder.glob("*")} - FILES))
    if strange:
        raise ValueError(
            f"{folder} holds {strange}, which is of no package: choose another folder"
        )
    remedy = "correct it, or train anew"
    with reading(model.path, remedy):
        texts, files = _contents(model)
    with replacing(folder) as part:
        part.mkdir()
        for name, source in files.items():
            if isinstance(source, Path):
                shutil.copyfile(source, part / f"{name}.ckpt")
            else:
                torch.save(source.state_dict(), part / f"{name}.ckpt")
        for name, text in texts.items():
            (part / name).write_text(text, encoding="utf-8")
        with reading(model.path, remedy):
            load_recogniser(part, "cpu")  # what does not load is no package
        if folder.exists():
            shutil.rmtree(folder)
    return folder


def load_recogniser(folder, device=None):
    """The EncoderASR or EncoderDecoderASR of a folder, loaded by ``from_hparams``.

    This runs what the folder's hyperparams.yaml names. Nothing is fetched or written. A
    package of ours is such a folder; so are SpeechBrain's, if they are complete.
    """
    name = interface_of(folder)
    try:
        return getattr(ASR, name).from_hparams(
            source=str(folder),
            fetch_config=FetchConfig(allow_network=False),
            run_opts=None if device is None else {"device": device},
        )
    except Exception as error:  # whatever the yaml's own classes raise
        raise ValueError(
            f"{folder} can't be loaded as {name}: {type(error).__name__}: {error}; "
            "copy it anew if a file is damaged, and give a device that is there"
        ) from error


def _contents(model):
    """{file: text} of the yaml files, and {name: network or path} of the others."""
    entries, (kind, search) = model.entries, model.search
    outputs = [name for name in OUTPUTS if name in entries and name != "proj_ctc"]
    context = {
        "kind": kind,
        "outputs": ["proj_enc"] if kind == "transducer" else outputs,
        "search_class": class_of(entries[search]),
        "of_letters": not isinstance(model.tokenizer, SentencePieceProcessor),
    }
    texts = {}
    if not context["of_letters"] and _streams(model, kind):
        names = ["Greedysearcher"] if kind == "transducer" else []
        texts[STREAMING], _ = _render(model, names, "StreamingASR", context)
    if kind == "ctc":
        # EncoderASR makes the search, of these arguments and the tokenizer's pieces.
        # Without those left out: it would look for the file "null".
        given = entries[search].value
        given = [pair for pair in given if not str(pair[1].tag).endswith(":null")]
        search = "test_beam_search"
        entries[search] = MappingNode(MAPPING, given)
    elif kind == "joint":
        context["outputs"] = []
        if model.settings.get("lm_file") is not None:
            _add_language_model(model)
    interface = "EncoderASR" if kind == "ctc" else "EncoderDecoderASR"
    context["search"] = search
    texts[HYPERPARAMS], files = _render(model, [search], interface, context)
    return texts, files | {"tokenizer": model.tokenizer_file}


def _add_language_model(model):
    """Give the test search the language model of lm_file, as train.py does."""
    entries, settings = model.entries, model.settings
    for name in ("lm_model", "transformerlm_scorer"):
        entries[name].tag = entries[name].tag.replace("!name:", "!new:")
    pair = ScalarNode(TEXT, "language_model"), entries["lm_model"]
    entries["transformerlm_scorer"].value.append(pair)
    ctc, lm = settings["ctc_weight_decode"], settings["lm_weight"]
    weights = f"{{ctc: {ctc}, transformerlm: {lm}}}"
    made = YAML().compose(f"full_scorers: []\nweights: {weights}")
    made.value[0][1].value = [entries["ctc_scorer"], entries["transformerlm_scorer"]]
    entries["scorer_test_search"].value = made.value


def _render(model, names, interface, context):
    """Text of a yaml file, and what its pretrainer loads: {name: network or path}."""
    names = ["sample_rate", *model.chain.values(), *context["outputs"], *names]
    entries = model.excerpt([*names, *model.trained.values()])
    files, sources = dict(model.trained), dict(model.files)
    for name, entry in files.items():
        if isinstance(model.hparams[entry], torch.nn.ModuleList):
            sources[name] = model.hparams[entry]  # averaged
    fetched = {
        name: (entry, model.save_folder / f"{name}.ckpt")
        for name, entry in model.listed("pretrainer", "loadables").items()
    }
    if model.settings.get("lm_file") is not None:
        fetched["lm"] = "lm_model", model.find(model.settings["lm_file"])
    kept = set(re.findall(r"^(\w+):", entries, flags=re.MULTILINE))
    for name, (entry, path) in fetched.items():
        if entry in kept - {"tokenizer", *files.values()}:
            files[name], sources[name] = entry, path
            read_state(path)  # damage is told before anything is written
    context = context | {"entries": entries, "files": files, "interface": interface}
    text = TEMPLATE.render(context, run=model, version=__version__)
    return text, sources


def _streams(model, kind):
    """Whether the model gives, chunk by chunk, what it gives for the whole."""
    layers = [model.hparams[name] for name in ("compute_features", "normalize", "CNN")]
    encoder = model.hparams["Transformer"].encoder
    search = "Greedysearcher" if kind == "transducer" else "ctc_lin"
    return (
        find_obstacle(layers) is None
        and hasattr(encoder, "find_obstacle")
        and encoder.find_obstacle() is None
        and search in model.entries
    )
