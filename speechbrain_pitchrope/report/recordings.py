"""Which utterances a report shows, and where their recordings are."""

import csv
from pathlib import Path
from typing import NamedTuple

from speechbrain_pitchrope.runs.run import reading
from speechbrain_pitchrope.scoring.wer_files import Utterance


class Chosen(NamedTuple):
    """An utterance to show; ``scored`` is None before the test."""

    split: str
    name: str
    scored: Utterance | None


def ranked(utterances):
    """Keys of {key: Utterance}: by error rate, then errors, the worst first."""

    def order(name):
        counts = utterances[name].counts
        return -counts.errors / max(1, counts.words), -counts.errors, name

    return sorted(utterances, key=order)


def spaced(items, count):
    """Some of a list, evenly spaced from its first to its last.

    Example
    -------
    >>> spaced("ABCDEFG", 3), spaced("ABCDEFG", 1), spaced("AB", 3)
    (['A', 'D', 'G'], ['A'], ['A', 'B'])
    """
    count, last = min(count, len(items)), len(items) - 1
    return [items[round(i * last / max(1, count - 1))] for i in range(count)]


def choose(facts, recordings, count):
    """Utterances of all tests together, evenly spaced from the worst to the best.

    Without a test, those of the test splits are taken as they come. What can't be read
    is added to ``facts.missing``. Returns a list of Chosen.
    """
    scored = {
        (split.name, name): utterance
        for split in facts.splits
        for name, utterance in split.utterances.items()
    }
    if scored:
        return [Chosen(*key, scored[key]) for key in spaced(ranked(scored), count)]
    unscored = []
    for split in facts.run.manifests if count else []:
        try:
            unscored += [Chosen(split, name, None) for name in recordings.of(split)]
        except ValueError as error:
            facts.missing.append(f"Utterances of {split}: {error}")
    return spaced(unscored, count)


class Recordings:
    """Where a run's recordings are; ``data_folder`` is the corpus, if it was moved."""

    def __init__(self, run, data_folder=None):
        self.run, self.data_folder, self._files = run, data_folder, {}

    def find(self, split, name):
        """Path of a recording; a ValueError says where it was looked for."""
        files = self.of(split)
        if name not in files:
            raise ValueError(
                f"{self.run.manifests[split]} has no utterance {name}: the data were "
                "prepared anew after the test; run train.py again with --test_only"
            )
        path, then = files[name], self.run.settings.get("data_folder") or "."
        now = str(self.data_folder or then)
        if path.startswith(f"{then.rstrip('/')}/"):
            path = f"$data_root/{path.removeprefix(then).lstrip('/')}"
        path = self.run.find(path.replace("$data_root", now))
        if not path.is_file():
            raise ValueError(
                f"{path} is not there. If the corpus was moved, say where it is now: "
                "--data-folder DIR"
            )
        return path

    def of(self, split):
        """{id: recording} of a split's manifest, read once."""
        if split not in self._files:
            path = self.run.manifests.get(split, self.run.folder / f"{split}.csv")
            advice = (
                f"it says where the recordings of {split} are: copy manifest_folder "
                "with the run, or prepare the data again"
            )
            if not path.is_file():
                raise ValueError(f"{path} is not there; {advice}")
            with reading(path, f"expected the columns ID and wav; {advice}"):
                text = Path(path).read_text(encoding="utf-8")
                rows = csv.DictReader(text.splitlines())
                files = {row["ID"]: row["wav"] for row in rows}
            self._files[split] = {name: wav for name, wav in files.items() if wav}
        return self._files[split]
