"""What a run's folder holds that can be reported, what it lacks, and what to show."""

import csv
from dataclasses import dataclass, field
from typing import NamedTuple

from speechbrain_pitchrope.figures.training import TRAIN_LOG, read_log
from speechbrain_pitchrope.nnet.summary import learned_table
from speechbrain_pitchrope.runs.run import HYPERPARAMS, Run, open_run, reading
from speechbrain_pitchrope.runs.trained import TrainedRun, load_trained
from speechbrain_pitchrope.scoring.wer_files import (
    Errors,
    Utterance,
    read_errors,
    read_utterances,
)


def ranked(utterances):
    """Keys of {key: Utterance}: by error rate, then errors, the worst first."""

    def order(name):
        counts = utterances[name].counts
        return -counts.errors / max(1, counts.words), -counts.errors, name

    return sorted(utterances, key=order)


class Split(NamedTuple):
    """What a test found: word and character errors, and {id: Utterance}."""

    name: str
    wer: Errors
    cer: Errors | None
    utterances: dict

    @property
    def wrong(self):
        """Names of the utterances with errors, the worst first."""
        found = self.utterances
        return [name for name in ranked(found) if found[name].counts.errors]

    @property
    def row(self):
        """Of the table of error rates."""
        wer, cer = self.wer, self.cer.rate if self.cer else None
        counts = (wer.insertions, wer.deletions, wer.substitutions, wer.words)
        return self.name, wer.rate, cer, *counts, wer.utterances, len(self.wrong)


@dataclass
class Facts:
    """All that is known of a run; ``missing`` says what should be there and isn't."""

    run: Run
    splits: list = field(default_factory=list)
    log: dict = field(default_factory=dict)
    model: TrainedRun | None = None
    learned: tuple | None = None
    """As ``learned_table`` returns it."""
    missing: list = field(default_factory=list)

    @property
    def is_tested(self):
        """Whether a test has left files, be they whole or not."""
        return any(self.run.folder.glob("wer_*.txt"))


def gather(output_folder):
    """Read what the output folder of a run holds; ValueError if there is nothing."""
    run = open_run(output_folder)
    if run.checkpoint is not None:
        raise ValueError(
            f"{output_folder} is one checkpoint, and a report is of a whole run: give "
            f"{run.folder}"
        )
    facts = Facts(run)
    try:
        log = read_log(run.folder)
        facts.log = log if "epoch" in log else {}
    except ValueError as error:
        facts.missing.append(f"The course of the training: {error}")
    try:
        facts.model = load_trained(run)
        facts.learned = learned_table(facts.model.hparams["Transformer"])
    except (OSError, ValueError) as error:
        facts.missing.append(
            f"The model, hence what it learned and figures of its attention: {error}"
        )
    _read_tests(facts)
    if not (facts.log or facts.model or facts.is_tested):
        raise ValueError(
            f"there is nothing to report of {run.folder} yet: it has no finished epoch "
            f"({TRAIN_LOG}), no checkpoint (save/CKPT+...) and no test "
            "(wer_<split>.txt). Wait for the first epoch's end"
        )
    return facts


def _read_tests(facts):
    """The error files of every split; those that are cut short are left out."""
    folder, expected = facts.run.folder, list(facts.run.manifests)
    names = [path.stem.removeprefix("wer_") for path in folder.glob("wer_*.txt")]
    with_characters = any(folder.glob("cer_*.txt"))  # some recipes write none
    for name in sorted(names, key=lambda x: ([*expected, x].index(x), x)):
        path, cer = folder / f"wer_{name}.txt", None
        try:
            if with_characters:
                cer = read_errors(folder / f"cer_{name}.txt")
        except (OSError, ValueError) as error:
            facts.missing.append(f"The CER of {name}: {error}")
        try:
            split = Split(name, read_errors(path), cer, read_utterances(path))
            facts.splits.append(split)
        except (OSError, ValueError) as error:
            facts.missing.append(f"The results of {name}: {error}")
    facts.missing += [
        f"The results of {name}, which is a test split in {HYPERPARAMS}: there is no "
        f"wer_{name}.txt; run train.py again with --test_only"
        for name in (expected if names else ())
        if name not in names
    ]


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
