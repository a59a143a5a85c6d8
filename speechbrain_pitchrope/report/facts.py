"""What the output folder of a run holds that can be reported, and what it lacks."""

from dataclasses import dataclass, field
from typing import NamedTuple

from speechbrain_pitchrope.figures.training import TRAIN_LOG, read_log
from speechbrain_pitchrope.nnet.summary import learned_table
from speechbrain_pitchrope.runs.run import HYPERPARAMS, Run, open_run
from speechbrain_pitchrope.runs.trained import TrainedRun, load_trained
from speechbrain_pitchrope.scoring.wer_files import Errors, read_errors, read_utterances

LEARNED = "learned_pitch.txt"


class Split(NamedTuple):
    """What a test found: word and character errors, and {id: Utterance}."""

    name: str
    wer: Errors
    cer: Errors | None
    utterances: dict


@dataclass
class Facts:
    """All that is known of a run; ``missing`` says what should be there and isn't."""

    run: Run
    splits: list = field(default_factory=list)
    log: dict = field(default_factory=dict)
    model: TrainedRun | None = None
    learned: tuple | None = None
    """As ``learned_table`` returns it."""
    learned_text: str | None = None
    """What the test wrote of it, if the weights can't be read."""
    missing: list = field(default_factory=list)

    @property
    def is_tested(self):
        """Whether a test has left files, be they whole or not."""
        return any(self.run.folder.glob("wer_*.txt"))


def gather(output_folder):
    """Read all that the output folder of a run holds; nothing is written into it.

    Raises
    ------
    ValueError
        If it is no run's folder, or a run of which there is nothing to report yet.
    """
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
        facts.missing.append(f"The model, hence figures of its attention: {error}")
        path = run.folder / LEARNED
        if path.is_file():  # written by the test, so that it outlives the weights
            facts.learned_text = path.read_text(encoding="utf-8", errors="replace")
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
        wer, cer = folder / f"wer_{name}.txt", folder / f"cer_{name}.txt"
        found = {}
        for what, read, path in (
            ("results", lambda path: (read_errors(path), read_utterances(path)), wer),
            ("CER", read_errors, cer if with_characters else None),
        ):
            try:
                found[what] = path and read(path)
            except (OSError, ValueError) as error:
                facts.missing.append(f"The {what} of {name}: {error}")
        if "results" in found:
            errors, utterances = found["results"]
            facts.splits.append(Split(name, errors, found.get("CER"), utterances))
    facts.missing += [
        f"The results of {name}, which is a test split in {HYPERPARAMS}: there is no "
        f"wer_{name}.txt; run train.py again with --test_only"
        for name in (expected if names else ())
        if name not in names
    ]
