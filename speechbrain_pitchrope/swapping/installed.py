"""Whether the installed SpeechBrain has the classes and arguments that a yaml names.

Modules of SpeechBrain are imported for that; nothing in the yaml is run.
"""

import inspect
import logging
import pydoc
import re
import warnings
from importlib.metadata import version

from speechbrain_pitchrope.swapping.document import children, line

INSTALLED = f"SpeechBrain {version('speechbrain')}"

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
    logging.disable(logging.WARNING)  # about packages that are not installed
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return pydoc.locate(path)
    except Exception:  # a library that it needs may fail in any way
        return _NOT_IMPORTABLE
    finally:
        logging.disable(logging.NOTSET)


def missing(document):
    """A sentence for each name, and each argument, that SpeechBrain does not have."""
    for key, node in document.walk():
        named = _NAME.fullmatch(node.tag or "")
        if not named:
            continue
        path, place = named[1], f"`{key}` (line {line(node)})"
        found = locate(path)
        if found is None:
            yield f"{place}: there is no {path}{_successor(path)}"
            continue
        for name in _unknown_arguments(found, node):
            yield f"{place}: {path} has no argument {name}, as one of a fork may"


def _successor(path):
    for start, successor in SUCCESSORS.items():
        if path.startswith(start):
            return f"; in {INSTALLED} look for {successor}"
    return ""


def _unknown_arguments(found, node):
    """Names of arguments that a class or function does not take."""
    try:
        parameters = inspect.signature(found).parameters
    except (TypeError, ValueError):  # not a callable, or one without a signature
        return []
    if any(
        parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()
    ):
        return []
    known = {"<<", *parameters}
    given = [] if node.id == "sequence" else children(node)
    return [name for name, _ in given if name not in known]
