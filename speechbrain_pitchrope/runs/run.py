"""The output folder of a training run: what its hyperparams.yaml says.

Nothing is executed here, and no torch is loaded, so that a wrong path is told at once;
trained.py makes the model. Runs of our recipe and of swapped ones are the same: entries
are found by the class of their object, else by the names that SpeechBrain gives them.
"""

import io
import re
from functools import cached_property
from itertools import chain
from pathlib import Path

from ruamel.yaml import YAML, MappingNode, ScalarNode, SequenceNode

from speechbrain_pitchrope.files import DamagedFile, reading
from speechbrain_pitchrope.names import FBANK, FRONT_END, NORMALIZE, TRANSFORMER
from speechbrain_pitchrope.nodes import children, class_of, walk

HYPERPARAMS = "hyperparams.yaml"

CHAIN = (FBANK, NORMALIZE, FRONT_END, TRANSFORMER)
"""From audio to the encoder's output."""

SEARCHES = ("test_search", "Beamsearcher", "test_beam_search")
SEARCH_CLASSES = {
    "joint": r"S2S\w+Searcher$",
    "transducer": "TransducerBeamSearcher$",
    "ctc": r"CTC\w*Searcher$",
}
"""What recipes call the search of the test, and how its class tells how it decodes."""

VARIANT_CALL = "!apply:speechbrain_pitchrope.variants."
TEXT, MAPPING = "tag:yaml.org,2002:str", "tag:yaml.org,2002:map"


def arguments_of(node):
    """{name: node} of a mapping; empty for any other node."""
    return dict(children(node)) if isinstance(node, MappingNode) else {}


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
    or one of its checkpoints, ``save/CKPT+...``, to use that one alone. A Run is
    returned as it is.
    """
    if isinstance(path, Run):
        return path
    given = Path(path).absolute()
    folder = given.parent.parent if (given / "CKPT.yaml").is_file() else given
    advice = "give the output folder of a training run, or its save/CKPT+..."
    entries = read_entries(folder, advice)
    run = Run(folder, entries, given.name if given != folder else None)
    found = set(map(class_of, entries.values()))
    missing = [f"{row.entry} ({row.ours})" for row in CHAIN if row.ours not in found]
    missing += [name for name in ("sample_rate", "checkpointer") if name not in entries]
    if missing:
        raise ValueError(f"{run.path} has no {', '.join(missing)}: {advice}")
    with reading(run.path, "correct sample_rate"):
        int(entries["sample_rate"].value)
    return run


def interface_of(package):
    """Name of the interface of ``speechbrain.inference.ASR`` that loads a package."""
    advice = "give a folder of pitchrope package, or another one of SpeechBrain's"
    modules = arguments_of(read_entries(package, advice).get("modules"))
    if "encoder" in modules:
        return "EncoderDecoderASR" if "decoder" in modules else "EncoderASR"
    raise ValueError(f"{package}/{HYPERPARAMS} has no modules[encoder]: {advice}")


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
        seen = set()
        below = (walk(node, seen=seen) for node in entries.values() if then)
        for _, node in chain.from_iterable(below):
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
        for _, node in walk(self.entries[self.chain[TRANSFORMER.entry]]):
            if str(node.tag) == f"{VARIANT_CALL}load_variant" and node.value:
                return node.value[0].value
        return "custom"

    @property
    def save_folder(self):
        """Where the checkpoints are."""
        return self.find(self.settings.get("save_folder") or self.folder / "save")

    @property
    def search(self):
        """How the test decodes, joint, transducer or ctc, and the search's entry."""
        for name in SEARCHES:
            node = self.entries.get(name)
            for kind, pattern in SEARCH_CLASSES.items():
                if re.search(pattern, class_of(node)):
                    return kind, name
            if name == "test_beam_search" and isinstance(node, MappingNode):
                return "ctc", name  # the arguments of CTCBeamSearcher
        raise DamagedFile(
            f"{self.path} has no search for the test: expected {', '.join(SEARCHES)}, "
            "as in SpeechBrain's ASR/transformer, ASR/transducer or ASR/CTC"
        )

    @property
    def trained(self):
        """{file of a checkpoint: entry} of what the model consists of."""
        networks = ("torch.nn.ModuleList", NORMALIZE.ours)
        listed = self.listed("checkpointer", "recoverables").items()
        return {k: v for k, v in listed if class_of(self.entries[v]) in networks}

    def listed(self, name, argument):
        """{key: entry} of a mapping of references, such as a pretrainer's loadables."""
        names = {id(node): entry for entry, node in self.entries.items()}
        listed = arguments_of(arguments_of(self.entries.get(name)).get(argument))
        return {k: names[id(node)] for k, node in listed.items() if id(node) in names}

    def find(self, path):
        """A path of the yaml; if relative, from here or from a folder above the run."""
        places = [x / path for x in (Path(), self.folder, *self.folder.parents)]
        return next((x for x in places if x.exists()), places[0]).absolute()

    @property
    def manifests(self):
        """{split: path of its csv file} of the splits that the test is made on."""
        folder = self.settings.get("manifest_folder") or self.folder
        paths, splits = (
            [value] if isinstance(value, str) else value or []
            for value in map(self.settings.get, ("test_csv", "test_splits"))
        )
        paths = [*filter(None, paths)] or [f"{folder}/{name}.csv" for name in splits]
        return {Path(path).name.removesuffix(".csv"): self.find(path) for path in paths}

    @property
    def tokenizer_file(self):
        """The SentencePiece model, or the label_encoder.txt, of the run."""
        made = arguments_of(self.entries.get("tokenizer")).get("model_dir")
        folders = [self.save_folder, *([self.find(made.value)] if made else [])]
        places = [path for folder in folders for path in folder.glob("*.model")]
        places += [self.save_folder / "tokenizer.ckpt"]
        places += [folder / "label_encoder.txt" for folder in folders]
        if self.settings.get("tokenizer_file") is not None:
            places = [self.find(self.settings["tokenizer_file"])]
        found = next((place for place in places if place.is_file()), None)
        if found is None:
            raise DamagedFile(
                f"the run's tokenizer is not there (expected "
                f"{', '.join(map(str, places))}): bring it back, or correct {self.path}"
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

        def copied(node, is_entry=False):
            if id(node) in shared and not is_entry:
                wanted.setdefault(shared[id(node)])
                return ScalarNode("!ref", f"<{shared[id(node)]}>")
            if str(node.tag).startswith(VARIANT_CALL):
                name = node.tag.removeprefix(VARIANT_CALL)
                value = getattr(variants, name)(*(item.value for item in node.value))
                return YAML().representer.represent_data(value)
            if isinstance(node, MappingNode):
                pairs = [(copied(key), copied(value)) for key, value in node.value]
                return MappingNode(node.tag, pairs, flow_style=node.flow_style)
            if isinstance(node, SequenceNode):
                items = [copied(item) for item in node.value]
                return SequenceNode(node.tag, items, flow_style=node.flow_style)
            # HyperPyYAML would read a quoted tuple as text.
            is_tuple = node.style is None and re.fullmatch(r"\(.*\)", node.value)
            tag = "!tuple" if is_tuple else node.tag
            return ScalarNode(tag, node.value, style=node.style)

        while waiting := [name for name in wanted if name not in kept]:
            kept.update((name, copied(self.entries[name], True)) for name in waiting)
        pairs = [(ScalarNode(TEXT, x), kept[x]) for x in self.entries if x in kept]
        yaml, text = YAML(), io.StringIO()
        yaml.width = 10_000  # it would break a line behind a long tag
        yaml.serialize(MappingNode(MAPPING, pairs), text)
        text = re.sub(r"[ \t]+$", "", text.getvalue(), flags=re.MULTILINE)
        return re.sub(r"\n(?=\w+: !)", "\n\n", text)
