"""The folder of a demo corpus: whose it is, and how far it has come.

OUT/corpus.json is written before the first utterance and holds all settings, so that a
run can tell its own unfinished work from another corpus and from other people's files.
"""

import hashlib
import json
from dataclasses import asdict

from speechbrain_pitchrope.demo.audio import write_text
from speechbrain_pitchrope.demo.plan import CorpusError

__all__ = ["corpus_settings", "open_folder", "write_settings"]

# Goes up when the same settings come to sound otherwise.
FORMAT = 1

SETTINGS_FILE = "corpus.json"
MADE_BY = "pitchrope demo-corpus"


def corpus_settings(plan, seed, espeak_version):
    """Gathers all that the sound and the transcripts of a corpus depend on.

    Arguments
    ---------
    plan : list of Utterance
        Who says what.
    seed : int
        The seed of the plan.
    espeak_version : str
        Version of espeak-ng.

    Returns
    -------
    dict
        Such that JSON gives it back unchanged.
    """
    transcripts = "\n".join(f"{item.id} {item.sentence.prompt}" for item in plan)
    return {
        "format": FORMAT,
        "seed": seed,
        "utterances": len(plan),
        "voices": [asdict(voice) for voice in dict.fromkeys(i.voice for i in plan)],
        "transcripts_sha256": hashlib.sha256(transcripts.encode()).hexdigest(),
        "espeak_ng": espeak_version,
    }


def open_folder(root, settings):
    """Makes a folder ours, or finds our own, or refuses.

    Arguments
    ---------
    root : pathlib.Path
        The folder. It is made, with its settings in it, if there is none.
    settings : dict
        The settings of the corpus that is asked for.

    Returns
    -------
    list of dict, or None
        The summary that a finished run has left; None if none has finished.

    Raises
    ------
    CorpusError
        If the folder cannot be written, has other things in it, or holds a demo corpus
        of other settings.
    """
    file = root / SETTINGS_FILE
    try:
        root.mkdir(parents=True, exist_ok=True)
        if not file.exists():
            _refuse_strangers(root)
            write_settings(root, settings)
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise CorpusError(
            f"{root} cannot be the folder of the corpus ({error}): expected a folder "
            "that can be written to, or a place to make one; choose another OUT"
        ) from error
    try:
        content = json.loads(text)
        previous, summary = content["settings"], content["summary"]
        if content["made_by"] != MADE_BY or not isinstance(previous, dict):
            raise ValueError("it is by another program")
    except (ValueError, KeyError, TypeError) as error:
        raise CorpusError(
            f"{file} is not the file of a demo corpus ({error!r}): expected a new or "
            "empty folder, or a demo corpus; choose another OUT"
        ) from error
    if previous != settings:
        raise CorpusError(
            f"{root} holds a demo corpus of other settings: "
            f"{_differences(previous, settings)}; choose another OUT, delete the "
            "folder, or ask for the settings it has"
        )
    return summary


def write_settings(root, settings, summary=None):
    """Writes OUT/corpus.json.

    Arguments
    ---------
    root : pathlib.Path
        The corpus' folder.
    settings : dict
        Its settings.
    summary : list of dict, optional
        Its splits in numbers, once it is complete.
    """
    content = {"made_by": MADE_BY, "settings": settings, "summary": summary}
    write_text(root / SETTINGS_FILE, json.dumps(content, indent=1) + "\n")


def _refuse_strangers(root):
    """Raises an error if anything but an unfinished settings file is in a folder."""
    names = sorted(path.name for path in root.iterdir())
    strangers = [name for name in names if name != f"{SETTINGS_FILE}.part"]
    if strangers:
        raise CorpusError(
            f"{root} is not empty (it holds {strangers[0]!r}) and has no "
            f"{SETTINGS_FILE} of a demo corpus: expected a new or empty folder; "
            "choose another OUT"
        )


def _differences(previous, settings):
    """Names the settings that differ, with their values where those are short."""
    told = []
    for name, asked in settings.items():
        found = previous.get(name)
        if found != asked:
            short = isinstance(asked, int)
            told.append(
                f"{name} is {found}, asked for is {asked}" if short else f"other {name}"
            )
    return ", ".join(told) or "those of another version"
