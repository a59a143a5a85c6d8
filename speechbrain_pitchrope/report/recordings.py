"""Which utterances a report shows, and where their recordings are."""

import csv
from typing import NamedTuple

from speechbrain_pitchrope.report.facts import ranked
from speechbrain_pitchrope.runs.run import reading
from speechbrain_pitchrope.scoring.wer_files import Utterance


class Chosen(NamedTuple):
    """An utterance to show; ``scored`` is None before the test."""

    split: str
    name: str
    scored: Utterance | None


def spaced(items, count):
    """Some of a list, evenly spaced from its first to its last."""
    count, last = min(count, len(items)), len(items) - 1
    return [items[round(i * last / max(1, count - 1))] for i in range(count)]


def choose(facts, count):
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
            names = recordings_of(facts.run, split)
            unscored += [Chosen(split, name, None) for name in names]
        except ValueError as error:
            facts.missing.append(f"Utterances of {split}: {error}")
    return spaced(unscored, count)


def recordings_of(run, split):
    """{id: recording} of a split's manifest."""
    path = run.manifests.get(split, run.folder / f"{split}.csv")
    advice = (
        f"it says where the recordings of {split} are: copy manifest_folder with the "
        "run, or prepare the data again"
    )
    if not path.is_file():
        raise ValueError(f"{path} is not there; {advice}")
    with reading(path, f"expected the columns ID and wav; {advice}"):
        rows = csv.DictReader(path.read_text(encoding="utf-8").splitlines())
        return {row["ID"]: row["wav"] for row in rows if row["wav"]}


def find_recording(run, split, name, data_folder=None):
    """Path of a recording; a ValueError says where it was looked for."""
    files = recordings_of(run, split)
    if name not in files:
        raise ValueError(
            f"{run.manifests[split]} has no utterance {name}: the data were prepared "
            "anew after the test; run train.py again with --test_only"
        )
    path, then = files[name], str(run.settings.get("data_folder") or ".")
    if path.startswith(f"{then.rstrip('/')}/"):
        path = f"$data_root/{path.removeprefix(then).lstrip('/')}"
    path = run.find(path.replace("$data_root", str(data_folder or then)))
    if not path.is_file():
        raise ValueError(
            f"{path} is not there. If the corpus was moved, say where it is now: "
            "--data-folder DIR"
        )
    return path
