"""What the output folder of a run holds that can be reported, and what it lacks."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from speechbrain_pitchrope.cli.plots.drawing import TRAIN_LOG, read_log
from speechbrain_pitchrope.nnet.summary import learned_pitch
from speechbrain_pitchrope.runs.settings import (
    HYPERPARAMS,
    folder_of_run,
    read_settings,
)
from speechbrain_pitchrope.runs.trained import TrainedRun, load_trained
from speechbrain_pitchrope.scoring.wer_files import Errors, read_errors, read_utterances

LEARNED = "learned_pitch.txt"


class Split(NamedTuple):
    """What a test found.

    Arguments
    ---------
    name : str
        Of the split, such as "test-clean".
    wer : Errors
        Its word errors.
    cer : Errors or None
        Its character errors.
    utterances : dict
        Utterance id to ``speechbrain_pitchrope.scoring.wer_files.Utterance``.
    """

    name: str
    wer: Errors
    cer: Errors | None
    utterances: dict


@dataclass
class Facts:
    """All that is known of a run.

    Arguments
    ---------
    folder : pathlib.Path
        The run's output folder.
    settings : dict
        As of ``speechbrain_pitchrope.runs.settings.read_settings``.
    splits : list of Split
        The tests, in the order of the settings.
    log : dict
        As of ``read_train_log``; empty if no epoch is finished.
    run : TrainedRun or None
        The model.
    learned : str or None
        As of ``speechbrain_pitchrope.nnet.summary.learned_pitch``.
    missing : list of str
        What should be there and isn't, and why.
    """

    folder: Path
    settings: dict
    splits: list = field(default_factory=list)
    log: dict = field(default_factory=dict)
    run: TrainedRun | None = None
    learned: str | None = None
    missing: list = field(default_factory=list)

    @property
    def name(self):
        """The run's name: the last two folders of its path."""
        return "/".join(self.folder.parts[-2:]).lstrip("/")

    @property
    def variant(self):
        """The name of the run's variant."""
        return self.settings["variant"]

    @property
    def is_tested(self):
        """Whether a test has left files, be they whole or not."""
        return any(self.folder.glob("wer_*.txt"))


def gather(output_folder):
    """Read all that the output folder of a run holds.

    Arguments
    ---------
    output_folder : str
        The folder. Nothing is written into it.

    Returns
    -------
    Facts
        With a line in ``missing`` for all that can't be read.

    Raises
    ------
    ValueError
        If it is no run's folder, or a run of which there is nothing to report yet.
    """
    folder = Path(output_folder).absolute()
    run_folder = folder_of_run(folder)
    if run_folder != folder:
        raise ValueError(
            f"{folder} is one checkpoint, and a report is of a whole run: give "
            f"{run_folder}"
        )
    facts = Facts(folder, read_settings(folder))
    _read_log(facts)
    _open_model(facts)
    _read_tests(facts)
    if not (facts.log or facts.run or facts.is_tested):
        raise ValueError(
            f"there is nothing to report of {folder} yet: it has no finished epoch "
            f"({TRAIN_LOG}), no checkpoint (save/CKPT+...) and no test "
            "(wer_<split>.txt). Wait for the first epoch's end"
        )
    return facts


def _read_log(facts):
    """The course of the training."""
    try:
        log = read_log(facts.folder)
    except ValueError as error:
        facts.missing.append(f"The course of the training: {error}")
    else:
        facts.log = log if "epoch" in log else {}


def _open_model(facts):
    """The weights that the test used, and what they have learned of pitch."""
    try:
        facts.run = load_trained(facts.folder)
    except (OSError, ValueError) as error:
        facts.missing.append(f"The model, hence figures of its attention: {error}")
    else:
        facts.learned = learned_pitch(facts.run.hparams["model"])
        return
    path = facts.folder / LEARNED
    if path.is_file():  # written by the test, so that it outlives the weights
        facts.learned = path.read_text(encoding="utf-8")


def _read_tests(facts):
    """The error files of every split; those that are cut short are left out."""
    found = {
        path.stem.removeprefix("wer_"): path
        for path in sorted(facts.folder.glob("wer_*.txt"))
    }
    names = [name for name in facts.settings.get("test_splits", []) if name in found]
    for name in [*names, *sorted(found.keys() - set(names))]:
        path = found[name]
        try:
            wer, utterances = read_errors(path), read_utterances(path)
        except (OSError, ValueError) as error:
            facts.missing.append(f"The results of {name}: {error}")
            continue
        try:
            cer = read_errors(path.with_name(f"cer_{name}.txt"))
        except (OSError, ValueError) as error:
            facts.missing.append(f"The CER of {name}: {error}")
            cer = None
        facts.splits.append(Split(name, wer, cer, utterances))
    for name in facts.settings.get("test_splits", []) if found else []:
        if name not in found:
            facts.missing.append(
                f"The results of {name}, which is one of test_splits in {HYPERPARAMS}: "
                f"there is no wer_{name}.txt; run train.py again with --test_only"
            )
