"""Whether the installed SpeechBrain has the classes and arguments that a yaml names.

Modules of SpeechBrain are imported for that; nothing in the yaml is run.
"""

import importlib
import inspect
import logging
import re
import warnings
from importlib.metadata import version

from ruamel.yaml.nodes import MappingNode

_NAME = re.compile(r"!(?:new|name|apply):(speechbrain\..+)")
_NOT_IMPORTABLE = object()  # there, but a package that it needs is not installed

SUCCESSORS = {
    "speechbrain.lobes.augment.SpecAugment": "SpectrogramDrop and Warping of "
    "speechbrain.augment.freq_domain, in a speechbrain.augment.augmenter.Augmenter",
    "speechbrain.lobes.augment.EnvCorrupt": "AddNoise and AddReverb of "
    "speechbrain.augment.time_domain, in a speechbrain.augment.augmenter.Augmenter",
    "speechbrain.lobes.augment.TimeDomainSpecAugment": "SpeedPerturb, DropFreq and "
    "DropChunk of speechbrain.augment.time_domain, in a "
    "speechbrain.augment.augmenter.Augmenter",
    "speechbrain.processing.speech_augmentation": "speechbrain.augment.time_domain",
    "speechbrain.decoders.S2S": "the class of speechbrain.decoders.seq2seq whose name "
    "ends in Searcher",
    "speechbrain.decoders.seq2seq.S2S": "the class of the same module whose name ends "
    "in Searcher",
    "speechbrain.lobes.models.huggingface_": "speechbrain.integrations.huggingface",
    "speechbrain.pretrained": "speechbrain.inference",
}
"""Beginnings of names that SpeechBrain 0.5 had, and where to look for them now."""


def locate(path):
    """The object that a dotted path of SpeechBrain's names; None if it is not there."""
    parts = path.split(".")
    logging.disable(logging.WARNING)  # about packages that are not installed
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = importlib.import_module(parts[0])
            for n, part in enumerate(parts[1:], 2):
                if not hasattr(found, part):
                    importlib.import_module(".".join(parts[:n]))
                found = getattr(found, part)
    except ModuleNotFoundError as error:
        return None if str(error.name).startswith("speechbrain.") else _NOT_IMPORTABLE
    except Exception:  # a library that it needs may fail in any way
        return _NOT_IMPORTABLE
    finally:
        logging.disable(logging.NOTSET)
    return found


def missing(document):
    """A sentence for each name, and each argument, that SpeechBrain does not have."""
    for key, node in document.walk():
        named = _NAME.fullmatch(node.tag or "")
        if not named:
            continue
        found, place = locate(named[1]), f"`{key}` (line {document.line(node)})"
        if found is None:
            yield f"{place}: there is no {named[1]}{_successor(named[1])}"
            continue
        for name in _unknown_arguments(found, node):
            yield f"{place}: {named[1]} has no argument {name}, as one of a fork may"


def installed():
    """Name and version of what is installed."""
    return f"SpeechBrain {version('speechbrain')}"


def _successor(path):
    for start, successor in SUCCESSORS.items():
        if path.startswith(start):
            return f"; in {installed()} look for {successor}"
    return ""


def _unknown_arguments(found, node):
    """Names of arguments that a class or function does not take."""
    if not callable(found) or not isinstance(node, MappingNode):
        return []
    try:
        parameters = inspect.signature(found).parameters.values()
    except (TypeError, ValueError):
        return []
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return []
    known = {"<<", *(parameter.name for parameter in parameters)}
    return [str(key.value) for key, _ in node.value if str(key.value) not in known]
