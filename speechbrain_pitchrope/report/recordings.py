"""Which utterances a report shows, and where their recordings are."""

import csv
from pathlib import Path
from typing import NamedTuple

from speechbrain_pitchrope.scoring.significance import error_rate
from speechbrain_pitchrope.scoring.wer_files import Utterance


class Chosen(NamedTuple):
    """An utterance to show.

    Arguments
    ---------
    split, name : str
        The test split, and the utterance's id.
    scored : Utterance or None
        What it was recognised as; None before the test.
    """

    split: str
    name: str
    scored: Utterance | None


def ranked(utterances):
    """Ids of utterances, the worst first.

    Arguments
    ---------
    utterances : dict
        Utterance id to Utterance.

    Returns
    -------
    list of str
        By error rate, then by number of errors, then by id.
    """

    def key(name):
        counts = utterances[name].counts
        return -error_rate(counts.errors, counts.words), -counts.errors, name

    return sorted(utterances, key=key)


def spaced(items, count):
    """Some of a list, evenly spaced from its first to its last.

    Arguments
    ---------
    items : list
        What to take from.
    count : int
        How many to take; all if there are fewer.

    Returns
    -------
    list

    Example
    -------
    >>> spaced("ABCDEFG", 3), spaced("ABCDEFG", 1), spaced("AB", 3)
    (['A', 'D', 'G'], ['A'], ['A', 'B'])
    """
    count = min(count, len(items))
    last = len(items) - 1
    return [items[round(i * last / max(1, count - 1))] for i in range(count)]


def choose(facts, recordings, count):
    """Utterances of the tests, evenly spaced from the worst to the best.

    Arguments
    ---------
    facts : speechbrain_pitchrope.report.facts.Facts
        The run. Utterances of all its tests are ranked together; without a test, those
        of its test splits are taken as they come. What can't be read is added to
        ``missing``.
    recordings : Recordings
        The recordings of the run.
    count : int
        How many.

    Returns
    -------
    list of Chosen
    """
    scored = {
        (split.name, name): utterance
        for split in facts.splits
        for name, utterance in split.utterances.items()
    }
    if scored:
        return [Chosen(*key, scored[key]) for key in spaced(ranked(scored), count)]
    unscored = []
    for split in facts.settings.get("test_splits", []) if count else []:
        try:
            unscored += [Chosen(split, name, None) for name in recordings.names(split)]
        except ValueError as error:
            facts.missing.append(f"Utterances of {split}: {error}")
    return spaced(unscored, count)


class Recordings:
    """Where the recordings of a run's test splits are, by its manifests.

    Arguments
    ---------
    settings : dict
        As of ``speechbrain_pitchrope.runs.settings.read_settings``.
    data_folder : str, optional
        Where the corpus is now, if it was moved.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> (folder / "a.wav").touch()
    >>> _ = (folder / "test.csv").write_text("ID,wav\\n1-1-0,$data_root/a.wav\\n")
    >>> settings = {"manifest_folder": str(folder), "data_folder": "moved"}
    >>> recordings = Recordings(settings, data_folder=folder)
    >>> recordings.names("test"), recordings.find("test", "1-1-0").name
    (['1-1-0'], 'a.wav')
    """

    def __init__(self, settings, data_folder=None):
        self.manifests = Path(settings["manifest_folder"])
        self.data_folder = Path(data_folder or settings["data_folder"]).absolute()
        self._files = {}

    def names(self, split):
        """Ids of a split's utterances; ValueError if its manifest can't be read."""
        return list(self._read(split))

    def find(self, split, name):
        """Path of a recording.

        Arguments
        ---------
        split, name : str
            The test split, and the utterance's id.

        Returns
        -------
        pathlib.Path

        Raises
        ------
        ValueError
            If it is not there; the message says where it was looked for.
        """
        files = self._read(split)
        if name not in files:
            raise ValueError(
                f"{self._path(split)} has no utterance {name}: the data were prepared "
                "anew after the test; run train.py again with --test_only"
            )
        path = Path(files[name].replace("$data_root", str(self.data_folder)))
        if not path.is_file():
            raise ValueError(
                f"{path} is not there. If the corpus was moved, say where it is now: "
                "--data-folder DIR"
            )
        return path

    def _path(self, split):
        return self.manifests / f"{split}.csv"

    def _read(self, split):
        """{id: recording} of a split's manifest, read once."""
        if split not in self._files:
            path = self._path(split)
            advice = (
                f"it says where the recordings of {split} are: copy manifest_folder "
                "with the run, or prepare the data again"
            )
            if not path.is_file():
                raise ValueError(f"{path} is not there; {advice}")
            try:
                with open(path, newline="", encoding="utf-8") as file:
                    rows = {row["ID"]: row["wav"] for row in csv.DictReader(file)}
            except (OSError, KeyError, UnicodeDecodeError, csv.Error) as error:
                raise ValueError(
                    f"{path} is no manifest with the columns ID and wav ({error}); "
                    f"{advice}"
                ) from error
            self._files[split] = {name: wav for name, wav in rows.items() if wav}
        return self._files[split]
