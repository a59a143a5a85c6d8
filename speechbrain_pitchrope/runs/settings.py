"""The settings of a training run, from its output folder, which may have been moved."""

import io
from pathlib import Path

from ruamel.yaml import YAML, MappingNode, ScalarNode, SequenceNode
from ruamel.yaml.error import YAMLError
from speechbrain.utils.checkpoints import METAFNAME

HYPERPARAMS = "hyperparams.yaml"
"""What SpeechBrain's create_experiment_directory keeps a run's settings in."""

NEEDED = (
    *(
        "output_folder",
        "save_folder",
        "variant",
        "pitch_attention",
        "num_decoder_layers",
    ),
    *("compute_features", "modules", "model", "log_softmax", "sample_rate"),
    *("checkpointer", "avg_checkpoints", "blank_index", "tokenizer", "tokenizer_file"),
)
"""Entries of hyperparams.yaml that are read here."""

LEFT_OUT = ("__set_seed", "train_logger")
"""Entries that are not made here: one would reseed the caller, one write a log."""


def read_settings(output_folder):
    """The plain settings of a run; no object of the yaml is made.

    Arguments
    ---------
    output_folder : str
        The run's output folder, which may have been moved since: paths in it are as
        they are now.

    Returns
    -------
    dict
        Each entry of hyperparams.yaml that is a value or a list of values, as text, in
        the file's order; None for null.

    Raises
    ------
    ValueError
        If this is not a run's folder.
    """
    folder = folder_of_run(Path(output_folder).absolute())
    settings = {}
    for key, node in _moved_root(folder).value:
        items = node.value if isinstance(node, SequenceNode) else [node]
        if all(map(_is_plain, (node, *items))):
            texts = [_text(item) for item in items]
            settings[key.value] = texts if items is node.value else texts[0]
    return settings


def _is_plain(node):
    """Whether this is a value or a list, and not the call of a class."""
    return not (isinstance(node, MappingNode) or str(node.tag).startswith("!"))


def _text(scalar):
    """Text of a scalar; None for null, which has many spellings."""
    return None if str(scalar.tag) == "tag:yaml.org,2002:null" else scalar.value


def folder_of_run(given):
    """The output folder that a path names or lies in.

    Arguments
    ---------
    given : pathlib.Path
        An output folder, or one of its checkpoints, ``save/CKPT+...``.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    ValueError
        If it is neither.
    """
    inside_save = [given.parent.parent] if (given / METAFNAME).is_file() else []
    for folder in (given, *inside_save):
        if (folder / HYPERPARAMS).is_file():
            return folder
    found = f"holds no {HYPERPARAMS}" if given.is_dir() else "is no folder"
    raise ValueError(
        f"{given} {found}: give the output folder of a run of train.py, or a "
        "checkpoint in it, save/CKPT+..."
    )


def settings_to_load(folder):
    """What makes a run's objects anew, wherever its folder lies now.

    Arguments
    ---------
    folder : pathlib.Path
        The run's output folder.

    Returns
    -------
    text : str
        hyperparams.yaml with its paths in this folder, and without what would change
        the caller's state.
    save_folder : str
        Where the checkpoints are.

    Raises
    ------
    ValueError
        If hyperparams.yaml is none of ``train.py``.
    """
    root = _moved_root(folder)
    root.value = [entry for entry in root.value if entry[0].value not in LEFT_OUT]
    text = io.StringIO()
    YAML().serialize(root, text)
    entries = {key.value: value for key, value in root.value}
    return text.getvalue(), entries["save_folder"].value


def _moved_root(folder):
    """The nodes of hyperparams.yaml, with its paths in this folder.

    References are resolved in it, so every path under the output folder of the time
    names that folder.
    """
    path = folder / HYPERPARAMS
    try:
        root = YAML().compose(path)
        entries = {key.value: value for key, value in root.value}
    except (YAMLError, AttributeError, ValueError) as error:
        raise ValueError(f"{path} is not a mapping in YAML: {error}") from error
    missing = sorted(set(NEEDED) - entries.keys())
    if missing:
        raise ValueError(
            f"{path} has no {', '.join(missing)}: give the output folder of "
            "recipes/LibriSpeech/ASR/transformer/train.py"
        )
    then = entries["output_folder"].value.rstrip("/")
    for scalar in _scalars(root):
        if scalar.value == then or scalar.value.startswith(f"{then}/"):
            scalar.value = str(folder) + scalar.value[len(then) :]
    return root


def _scalars(root):
    """Every scalar of a YAML document, once, however often it is referred to."""
    waiting, seen = [root], {}
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen[id(node)] = node
        if isinstance(node, MappingNode):
            waiting.extend(part for entry in node.value for part in entry)
        elif isinstance(node, SequenceNode):
            waiting.extend(node.value)
    return [node for node in seen.values() if isinstance(node, ScalarNode)]
