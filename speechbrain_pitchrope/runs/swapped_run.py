"""The output folder of a swapped recipe of SpeechBrain's: what its test used.

Recipes differ in their entries. Known are those that decode by ``test_search`` (joint
CTC/attention), ``Beamsearcher`` (transducer) or ``test_beam_search`` (CTC, also after
BEST-RQ), with the names that SpeechBrain's recipes have for the rest.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

import torch
from ruamel.yaml import YAML, MappingNode
from ruamel.yaml.error import YAMLError
from speechbrain.utils.checkpoints import Checkpointer, average_checkpoints

from speechbrain_pitchrope.names import (
    FBANK,
    FRONT_END,
    NORMALIZE,
    TRANSFORMER,
    TRANSFORMERS,
)
from speechbrain_pitchrope.swapping.document import argument, class_of
from speechbrain_pitchrope.variants import load_variant

HYPERPARAMS = "hyperparams.yaml"

CHAIN = (FBANK, NORMALIZE, FRONT_END, TRANSFORMER)
"""From audio to the encoder's output."""


@dataclass(frozen=True, eq=False)
class Family:
    """What recipes that decode in one way have in common.

    Arguments
    ---------
    search : str
        The entry that the test decodes with.
    behind : tuple of str
        Entries that the encoder's output passes before, those of them that there are.
    criterion : dict
        How the test chooses among checkpoints, as of ``find_checkpoints``.
    """

    search: str
    behind: tuple
    criterion: dict


JOINT = Family("test_search", (), {"max_key": "ACC"})
TRANSDUCER = Family("Beamsearcher", ("proj_enc",), {"min_key": "WER"})
CTC = Family(
    "test_beam_search",
    ("back_end_ffn", "ctc_lin", "log_softmax"),
    {"min_key": "WER"},
)
FAMILIES = (JOINT, TRANSDUCER, CTC)

SENTENCEPIECE = "sentencepiece.SentencePieceProcessor"
LETTERS = "speechbrain.dataio.encoder.CTCTextEncoder"


@dataclass
class SwappedRun:
    """A run of a swapped recipe.

    Arguments
    ---------
    folder : pathlib.Path
        Its output folder.
    entries : dict
        Name to node of each entry of its hyperparams.yaml; the settings of the variant
        stand in the place of the variant's name.
    family : Family
        How it decodes.
    chain : list of str
        Names of the entries of ``CHAIN``.
    save_folder : pathlib.Path
        Where its checkpoints are.
    checkpoints : list of speechbrain.utils.checkpoints.Checkpoint
        Those that the test averaged, the best first.
    """

    folder: Path
    entries: dict
    family: Family
    chain: list
    save_folder: Path
    checkpoints: list

    @property
    def variant(self):
        """Name of the variant, as far as the yaml tells."""
        node = self.entries.get("variant")
        return "see pitch_attention" if node is None else str(node.value)

    @property
    def epochs(self):
        """Epochs of the checkpoints that were averaged, as far as they tell, sorted."""
        epochs = (checkpoint.meta.get("epoch") for checkpoint in self.checkpoints)
        return sorted(epoch for epoch in epochs if epoch is not None)

    @property
    def trained(self):
        """Name of a checkpoint's file to the entry it is of: networks, normaliser."""
        wanted = ("model", "pt_model", self.chain[CHAIN.index(NORMALIZE)])
        found = self._entries_of("checkpointer", "recoverables")
        return {name: entry for name, entry in found.items() if entry in wanted}

    @property
    def fetched(self):
        """Name of a file that the recipe had fetched to the entry it is of."""
        return self._entries_of("pretrainer", "loadables")

    def _entries_of(self, name, mapping):
        """What a mapping among an entry's arguments refers to: {key: entry}."""
        names = {id(node): entry for entry, node in self.entries.items()}
        listed = argument(self.entries.get(name), mapping)
        pairs = listed.value if isinstance(listed, MappingNode) else ()
        return {key.value: names.get(id(node)) for key, node in pairs}

    def save(self, name, path):
        """Write what the test had of ``trained``.

        Recipes average "model" alone, and take the rest from the best checkpoint.
        """
        if name == "model":
            weights = average_checkpoints(self.checkpoints, recoverable_name=name)
            torch.save(weights, path)
        else:
            shutil.copyfile(self.checkpoints[0].paramfiles[name], path)

    def fetched_file(self, name):
        """Path of what the recipe's pretrainer had fetched.

        Raises
        ------
        FileNotFoundError
            If it is not there any more.
        """
        path = self.save_folder / f"{name}.ckpt"
        if not path.is_file():
            raise FileNotFoundError(
                f"{self.folder} was tested with {path}, which is not there, or leads "
                "nowhere: bring the file back"
            )
        return path

    @property
    def tokenizer(self):
        """Dotted path of the tokenizer's class, and path of its file.

        Raises
        ------
        FileNotFoundError
            If the file is not there.
        """
        if "tokenizer" in self.fetched:
            return SENTENCEPIECE, self.fetched_file("tokenizer")
        pieces = sorted(self.save_folder.glob("*.model"))
        if pieces:
            return SENTENCEPIECE, pieces[0]
        letters = self.save_folder / "label_encoder.txt"
        if letters.is_file():
            return LETTERS, letters
        raise FileNotFoundError(
            f"{self.save_folder} holds no tokenizer: neither tokenizer.ckpt nor a "
            f"SentencePiece .model nor {letters.name}"
        )


def is_swapped(output_folder):
    """Whether a folder is the output folder of a swapped recipe.

    Our own recipes differ: ``pitch_attention`` is an entry of theirs.
    """
    entries = _entries(Path(output_folder))
    ours = {row.ours for row in TRANSFORMERS}
    return "pitch_attention" not in entries and any(
        class_of(node) in ours for node in entries.values()
    )


def _entries(folder):
    """Name to node of each entry of the folder's hyperparams.yaml; none if unread."""
    path = folder / HYPERPARAMS
    try:
        root = YAML().compose(path) if path.is_file() else None
    except YAMLError:
        root = None
    return {key.value: node for key, node in getattr(root, "value", ())}


def open_swapped(output_folder):
    """Open a run of a swapped recipe, with the checkpoints that its test used.

    Arguments
    ---------
    output_folder : str
        The run's output folder, which may have been moved since.

    Returns
    -------
    SwappedRun

    Raises
    ------
    ValueError
        If the recipe is of another family.
    FileNotFoundError
        If there is no checkpoint of a finished epoch.
    """
    folder = Path(output_folder).absolute()
    entries = _entries(folder)
    family = next((row for row in FAMILIES if row.search in entries), None)
    names = {class_of(node): name for name, node in entries.items()}
    missing = [row.ours for row in CHAIN if row.ours not in names]
    missing += sorted({"sample_rate", "save_folder", "checkpointer"} - entries.keys())
    if family is None:
        missing += [" or ".join(row.search for row in FAMILIES)]
    if missing:
        raise ValueError(
            f"{folder / HYPERPARAMS} has no {', '.join(missing)}: runs of swapped "
            "recipes can be packaged if they recognise speech as SpeechBrain's of "
            "ASR/transformer, ASR/transducer and ASR/CTC do"
        )
    chain = [names[row.ours] for row in CHAIN]
    transformer = entries[chain[-1]]
    transformer.value = [(key, _settled(node)) for key, node in transformer.value]
    save_folder = _moved(entries, folder)
    checkpoints = []
    if save_folder.is_dir():  # a checkpointer would make it
        checkpoints = Checkpointer(save_folder).find_checkpoints(**family.criterion)
    if not checkpoints:
        raise FileNotFoundError(
            f"there is no checkpoint of a finished epoch in {save_folder}: train first"
        )
    if "avg_checkpoints" not in entries:
        checkpoints = checkpoints[:1]
    return SwappedRun(folder, entries, family, chain, save_folder, checkpoints)


def _settled(node):
    """The settings of a variant, which its name might stand for no longer."""
    if node.tag != f"!apply:{load_variant.__module__}.{load_variant.__name__}":
        return node
    (name,) = node.value
    return YAML().representer.represent_data(load_variant(name.value))


def _moved(entries, folder):
    """The save_folder, in the output folder as it is now if it was in it then."""
    save_folder = Path(entries["save_folder"].value)
    then = Path(_plain(entries, "output_folder"))
    if save_folder.is_relative_to(then):
        return folder / save_folder.relative_to(then)
    return save_folder


def _plain(entries, name):
    """A plain entry's value, "." if there is none."""
    node = entries.get(name)
    return "." if node is None else str(node.value)
