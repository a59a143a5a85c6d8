"""The output folder of a training run: what its hyperparams.yaml says.

    output folder -> Run           settings and entries; nothing is executed
                  -> TrainedRun    its model with the weights of its test, trained.py
                  -> package       a folder for SpeechBrain's interfaces, package.py

Runs of our recipe and of swapped ones are the same here: entries are found by the class
of their object, and otherwise under the names that SpeechBrain's recipes give them.
This module loads no torch, so that a wrong path is told at once.
"""

import io
import re
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from ruamel.yaml import YAML, MappingNode, ScalarNode, SequenceNode

from speechbrain_pitchrope.names import FBANK, FRONT_END, NORMALIZE, TRANSFORMER

HYPERPARAMS = "hyperparams.yaml"
CHECKPOINT_META = "CKPT.yaml"

CHAIN = (FBANK, NORMALIZE, FRONT_END, TRANSFORMER)
"""From audio to the encoder's output."""

SEARCHES = ("test_search", "Beamsearcher", "test_beam_search")
"""What recipes call the search of the test."""

SEARCH_CLASSES = {
    "joint": r"S2S\w+Searcher$",
    "transducer": "TransducerBeamSearcher$",
    "ctc": r"CTC\w*Searcher$",
}

VARIANT_CALL = "!apply:speechbrain_pitchrope.variants."
TEXT, MAPPING = "tag:yaml.org,2002:str", "tag:yaml.org,2002:map"

ADVICE = (
    "give the output folder of a run of our recipe or of a swapped one, or a "
    "checkpoint in it, save/CKPT+..."
)
PACKAGE_ADVICE = (
    "give a folder that pitchrope package has made (package, in the output folder of a "
    "training run), or another one for SpeechBrain's EncoderASR or EncoderDecoderASR"
)


class DamagedRun(ValueError):
    """A file of a run is missing or damaged; the message names it."""


@contextmanager
def reading(path, remedy):
    """Turn whatever a damaged file raises into a DamagedRun."""
    try:
        yield
    except DamagedRun:
        raise
    except Exception as error:
        text = " ".join(str(error).split())
        raise DamagedRun(
            f"{path} can't be read ({type(error).__name__}: {text[:400]}): {remedy}"
        ) from error


def class_of(node):
    """Dotted path behind ``!new:`` or ``!name:``; "" for any other node."""
    found = re.fullmatch(r"!(?:new|name):(.+)", str(getattr(node, "tag", "")))
    return found[1] if found else ""


def arguments_of(node):
    """{name: node} of a mapping; empty for any other node."""
    if not isinstance(node, MappingNode):
        return {}
    return {str(key.value): value for key, value in node.value}


def read_entries(folder, advice):
    """{name: node} of a folder's hyperparams.yaml, none of which is executed."""
    path = Path(folder) / HYPERPARAMS
    if not path.is_file():
        found = f"holds no {HYPERPARAMS}" if path.parent.is_dir() else "is no folder"
        raise ValueError(f"{folder} {found}: {advice}")
    with reading(path, advice):
        return arguments_of(YAML().compose(path))


def open_run(path):
    """Read the settings of a run, as a Run; nothing that its yaml names is executed.

    ``path`` is the run's output folder, which may have been moved since the training;
    or one of its checkpoints, ``save/CKPT+...``, to use that one alone.
    """
    given = Path(path).absolute()
    folder = given.parent.parent if (given / CHECKPOINT_META).is_file() else given
    entries = read_entries(folder, ADVICE)
    classes = set(map(class_of, entries.values()))
    missing = [f"{row.entry} ({row.ours})" for row in CHAIN if row.ours not in classes]
    missing += [name for name in ("sample_rate", "checkpointer") if name not in entries]
    path = folder / HYPERPARAMS
    if missing:
        raise ValueError(f"{path} has no {', '.join(missing)}: {ADVICE}")
    with reading(path, "correct sample_rate"):
        int(entries["sample_rate"].value)
    return Run(folder, entries, given.name if given != folder else None)


def interface_of(package):
    """Name of the interface of ``speechbrain.inference.ASR`` that loads a package."""
    modules = arguments_of(read_entries(package, PACKAGE_ADVICE).get("modules"))
    if "encoder" not in modules:
        raise ValueError(
            f"{Path(package) / HYPERPARAMS} has no modules[encoder], which EncoderASR "
            f"and EncoderDecoderASR need: {PACKAGE_ADVICE}"
        )
    return "EncoderDecoderASR" if "decoder" in modules else "EncoderASR"


class Run:
    """A training run, as its hyperparams.yaml describes it. Made by ``open_run``.

    ``entries`` are the nodes of hyperparams.yaml by name; paths in the output folder of
    the time are made paths in ``folder``. ``checkpoint`` is the name of the one to use,
    or None for those that the test averaged.
    """

    def __init__(self, folder, entries, checkpoint=None):
        self.folder, self.entries, self.checkpoint = folder, entries, checkpoint
        self.path = folder / HYPERPARAMS
        then = str(getattr(entries.get("output_folder"), "value", "")).rstrip("/")
        for node in _nodes(entries.values()) if then else ():
            if isinstance(node, ScalarNode) and f"{node.value}/".startswith(f"{then}/"):
                node.value = str(folder) + node.value[len(then) :]

    @cached_property
    def settings(self):
        """Entries that are a text or a list of texts, as written; None for null."""
        settings = {}
        for name, node in self.entries.items():
            items = node.value if isinstance(node, SequenceNode) else [node]
            plain = all(isinstance(item, ScalarNode) for item in items)
            if plain and not any(str(n.tag).startswith("!") for n in (node, *items)):
                texts = [None if n.tag.endswith(":null") else n.value for n in items]
                settings[name] = texts if items is node.value else texts[0]
        return settings

    @property
    def chain(self):
        """The entries of ``CHAIN``: {usual name: name in this run}."""
        names = {class_of(node): name for name, node in self.entries.items()}
        return {row.entry: names[row.ours] for row in CHAIN}

    @property
    def variant(self):
        """Name of the variant; "custom" if its settings are written out."""
        for node in _nodes([self.entries[self.chain[TRANSFORMER.entry]]]):
            if str(node.tag) == f"{VARIANT_CALL}load_variant" and node.value:
                return node.value[0].value
        return "custom"

    @property
    def save_folder(self):
        """Where the checkpoints are."""
        return self.find(self.settings.get("save_folder") or self.folder / "save")

    @cached_property
    def search(self):
        """How the test decodes, joint, transducer or ctc, and the search's entry."""
        transformer = arguments_of(self.entries[self.chain[TRANSFORMER.entry]])
        decoders = getattr(transformer.get("num_decoder_layers"), "value", "6")
        names = sorted(self.entries, key=lambda name: name not in SEARCHES)
        for kind, pattern in SEARCH_CLASSES.items():
            for name in names if kind != "joint" or decoders != "0" else ():
                if re.search(pattern, class_of(self.entries[name])):
                    return kind, name
        if isinstance(self.entries.get("test_beam_search"), MappingNode):
            return "ctc", "test_beam_search"  # the arguments of CTCBeamSearcher
        raise DamagedRun(
            f"{self.path} has no search for the test: expected test_search, "
            "Beamsearcher or test_beam_search, as in SpeechBrain's ASR/transformer, "
            "ASR/transducer and ASR/CTC"
        )

    @property
    def trained(self):
        """{file of a checkpoint: entry} of what the model consists of."""
        networks = ("torch.nn.ModuleList", NORMALIZE.ours)
        found = self.listed("checkpointer", "recoverables").items()
        return {
            k: name for k, name in found if class_of(self.entries[name]) in networks
        }

    def listed(self, name, argument):
        """{key: entry} of a mapping of references, such as a pretrainer's loadables."""
        names = {id(node): entry for entry, node in self.entries.items()}
        listed = arguments_of(arguments_of(self.entries.get(name)).get(argument))
        return {k: names[id(node)] for k, node in listed.items() if id(node) in names}

    def find(self, path):
        """A path of the yaml; if relative, from here or from a folder above the run."""
        bases = Path(), self.folder, *self.folder.parents
        places = [base / path for base in bases]
        return next((x for x in places if x.exists()), places[0]).absolute()

    @property
    def manifests(self):
        """{split: path of its csv file} of the splits that the test is made on."""
        folder = self.settings.get("manifest_folder") or self.folder
        paths = self._listed_texts("test_csv") or [
            f"{folder}/{split}.csv" for split in self._listed_texts("test_splits")
        ]
        return {Path(path).name.removesuffix(".csv"): self.find(path) for path in paths}

    def _listed_texts(self, name):
        """A setting that may be one text or a list of them, as a list."""
        value = self.settings.get(name) or []
        return [value] if isinstance(value, str) else list(filter(None, value))

    @property
    def tokenizer_file(self):
        """The SentencePiece model, or the label_encoder.txt, of the run."""
        given = self.settings.get("tokenizer_file")
        if given is not None:
            places = [self.find(given)]
        elif "tokenizer" in self.listed("pretrainer", "loadables"):
            places = [self.save_folder / "tokenizer.ckpt"]
        else:
            made = arguments_of(self.entries.get("tokenizer")).get("model_dir")
            folders = [self.save_folder, *([self.find(made.value)] if made else [])]
            places = [path for folder in folders for path in folder.glob("*.model")]
            places += [folder / "label_encoder.txt" for folder in folders]
        found = next((place for place in places if place.is_file()), None)
        if found is None:
            raise DamagedRun(
                f"{self.folder} was trained with a tokenizer that is not there "
                f"(expected {', '.join(map(str, places))}): bring the file back, or "
                f"correct {self.path}"
            )
        return found

    def excerpt(self, names):
        """HyperPyYAML of entries and of all that they refer to, each written once.

        A variant's settings stand in place of its name, whose meaning may change.
        """
        from speechbrain_pitchrope import variants  # loads torch

        shared = {
            id(node): name
            for name, node in self.entries.items()
            if not isinstance(node, ScalarNode) or node.tag.startswith("!")
        }
        wanted, kept = dict.fromkeys(names), {}

        def below(node):
            if id(node) not in shared:
                return copied(node)
            wanted.setdefault(shared[id(node)])
            return ScalarNode("!ref", f"<{shared[id(node)]}>")

        def copied(node):
            if str(node.tag).startswith(VARIANT_CALL):
                name = node.tag.removeprefix(VARIANT_CALL)
                value = getattr(variants, name)(*(item.value for item in node.value))
                return YAML().representer.represent_data(value)
            if isinstance(node, MappingNode):
                pairs = [(copied(key), below(value)) for key, value in node.value]
                return MappingNode(node.tag, pairs, flow_style=node.flow_style)
            if isinstance(node, SequenceNode):
                items = [below(item) for item in node.value]
                return SequenceNode(node.tag, items, flow_style=node.flow_style)
            # HyperPyYAML would read a quoted tuple as text.
            is_tuple = node.style is None and re.fullmatch(r"\(.*\)", node.value)
            tag = "!tuple" if is_tuple else node.tag
            return ScalarNode(tag, node.value, style=node.style)

        while waiting := [name for name in wanted if name not in kept]:
            kept.update((name, copied(self.entries[name])) for name in waiting)
        pairs = [(ScalarNode(TEXT, x), kept[x]) for x in self.entries if x in kept]
        yaml, text = YAML(), io.StringIO()
        yaml.width = 10_000  # it would break a line behind a long tag
        yaml.serialize(MappingNode(MAPPING, pairs), text)
        return re.sub(r"[ \t]+$", "", text.getvalue(), flags=re.MULTILINE)


def _nodes(roots):
    """Every node below these, once."""
    waiting, seen = list(roots), {}
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen[id(node)] = node
        if isinstance(node, MappingNode):
            waiting += [part for pair in node.value for part in pair]
        elif isinstance(node, SequenceNode):
            waiting += node.value
    return list(seen.values())
