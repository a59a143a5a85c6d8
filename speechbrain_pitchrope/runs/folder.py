"""Opening a folder of a trained model, for either of SpeechBrain's interfaces."""

from pathlib import Path

from ruamel.yaml import YAML, MappingNode
from ruamel.yaml.error import YAMLError
from speechbrain.inference.ASR import EncoderASR, EncoderDecoderASR
from speechbrain.utils.fetching import FetchConfig

from speechbrain_pitchrope.runs.trained import HYPERPARAMS


def load_recogniser(folder, device=None):
    """Load what ``from_hparams`` of an interface of speech recognition loads.

    Nothing is fetched from anywhere and nothing is written. A package of ours
    (``speechbrain_pitchrope.runs.packaging``) is such a folder; so are others of
    SpeechBrain's, as long as all their files are in them.

    Arguments
    ---------
    folder : str
        Holds a hyperparams.yaml.
    device : str, optional
        "cpu", "cuda:0" and so on; by default what SpeechBrain chooses.

    Returns
    -------
    speechbrain.inference.ASR.EncoderDecoderASR or speechbrain.inference.ASR.EncoderASR

    Raises
    ------
    ValueError
        If the folder is none, or for another interface, or doesn't load.
    """
    interface = _interface(Path(folder))
    try:
        return interface.from_hparams(
            source=str(folder),
            fetch_config=FetchConfig(allow_network=False),
            run_opts=None if device is None else {"device": device},
        )
    except Exception as error:  # whatever the yaml's own classes raise
        raise ValueError(
            f"{folder} can't be loaded as {interface.__name__}: "
            f"{type(error).__name__}: {error}"
        ) from error


def _interface(folder):
    """The interface that the entries of the folder's hyperparams.yaml are meant for."""
    path = folder / HYPERPARAMS
    advice = (
        "give a folder that pitchrope package has made (package, in the output folder "
        "of a training run), or another one for SpeechBrain's EncoderASR or "
        "EncoderDecoderASR"
    )
    if not path.is_file():
        found = f"holds no {HYPERPARAMS}" if folder.is_dir() else "is no folder"
        raise ValueError(f"{folder} {found}: {advice}")
    try:
        root = YAML().compose(path)
    except YAMLError as error:
        raise ValueError(f"{path} is no yaml: {error}") from error
    entries = dict(_entries(root))
    modules = dict(_entries(entries.get("modules")))
    if {"pretrainer", "tokenizer"} <= entries.keys() and "encoder" in modules:
        if "decoder" in modules:
            return EncoderDecoderASR
        if "decoding_function" in entries:
            return EncoderASR
    raise ValueError(
        f"{path} has the entries of neither EncoderASR (tokenizer, decoding_function, "
        "pretrainer, modules[encoder]) nor EncoderDecoderASR (tokenizer, pretrainer, "
        f"modules[encoder], modules[decoder]): {advice}"
    )


def _entries(node):
    """(name, node) of each entry of a mapping; nothing for any other node."""
    if isinstance(node, MappingNode):
        for key, value in node.value:
            yield key.value, value
