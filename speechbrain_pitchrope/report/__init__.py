"""What ``pitchrope report`` writes: a run's results on one page of HTML.

output folder -> gather   what there is and what is missing, as Facts
              -> choose   which utterances to show
              -> show     their sounds and figures, as data URIs of figures.py
              -> page     all of it, for report.html.j2, which has the words
"""

import csv
import logging
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import jinja2
import soundfile
from speechbrain.utils.logger import get_logger

import speechbrain_pitchrope
from speechbrain_pitchrope.dataio.audio import read_mono
from speechbrain_pitchrope.figures.heads import LISTENING
from speechbrain_pitchrope.figures.style import require_matplotlib
from speechbrain_pitchrope.figures.training import TRAIN_LOG, read_log
from speechbrain_pitchrope.files import write_whole
from speechbrain_pitchrope.nnet.summary import learned_table
from speechbrain_pitchrope.report import figures
from speechbrain_pitchrope.runs.package import package_run
from speechbrain_pitchrope.runs.run import Run, open_run, reading
from speechbrain_pitchrope.runs.trained import TrainedRun, load_trained
from speechbrain_pitchrope.scoring.wer_files import (
    Errors,
    read_errors,
    read_utterances,
)

logger = get_logger(__name__)


SETTINGS = (
    "seed train_splits dev_splits test_splits data_folder pretrained_model d_model "
    "nhead num_encoder_layers num_decoder_layers output_neurons token_type ctc_weight "
    "number_of_epochs samples_per_epoch lr_adam precision speeds test_beam_size lm_file"
).split()
"""Entries of hyperparams.yaml that are tabled."""

TEMPLATE = jinja2.Environment(
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=jinja2.StrictUndefined,
).from_string(Path(__file__).with_name("report.html.j2").read_text(encoding="utf-8"))


def after_training(output_folder, package=False, report=False):
    """Package a tested run, write its report, or both; ``train.py`` calls this.

    In a recipe's yaml::

        after_training: !name:speechbrain_pitchrope.report.after_training
            package: True
            report: True

    ``package`` and ``report.html`` are put into the output folder, as by the commands.
    """
    if package:
        logger.info("The package: %s", package_run(output_folder))
    if report:
        # SpeechBrain's log.txt takes all that is said; these say a lot about fonts.
        for name in ("matplotlib", "PIL"):
            logging.getLogger(name).setLevel(logging.WARNING)
        path = Path(output_folder).absolute() / "report.html"
        missing = write_report(output_folder, path)
        logger.info("The report: %s", path)
        for text in missing:
            logger.warning("Missing in the report: %s", text)


def write_report(output_folder, path, utterances=3, data_folder=None):
    """Write the page of a run, of our recipe or of a swapped one.

    This runs what the run's hyperparams.yaml names. A run that is not finished or not
    tested yet has a page too, of what there is. Returns a list of what should be on the
    page and isn't, and why; the page says so too. The arguments are the command's.
    """
    require_matplotlib()
    facts = gather(output_folder)
    shown = [show(facts, *each, data_folder) for each in choose(facts, utterances)]
    facts.missing += [fault for one in shown for fault in one["faults"]]
    write_whole(path, page(facts, shown).encode())
    return facts.missing


def page(facts, shown):
    """The whole page as HTML; ``shown`` is of ``show``."""
    run, model = facts.run, facts.model
    switches, settings = {}, {"variant": run.variant}
    if model:
        switches = {name: getattr(model.attention[0], name) for name in LISTENING}
        settings |= {f"attention: {key}": value for key, value in switches.items()}
        settings["epochs averaged for the test"] = ", ".join(map(str, model.epochs))
    for name in SETTINGS:
        if value := run.settings.get(name):
            settings[name] = value if isinstance(value, str) else ", ".join(value)
    return TEMPLATE.render(
        facts=facts,
        name="/".join(run.folder.parts[-2:]).lstrip("/"),
        switches=switches,
        n_parameters=sum(p.numel() for p in model.modules.parameters()) if model else 0,
        shown=shown,
        not_drawn=figures.not_drawn(model) if model else [],
        course=figures.draw_training(facts.log) if facts.log else None,
        log_rows=list(zip(*facts.log.values(), strict=True)),
        settings=settings,
        yaml=run.path.read_text(encoding="utf-8"),
        made=f"{datetime.now().astimezone():%Y-%m-%d %H:%M %Z}",
        version=speechbrain_pitchrope.__version__,
    )


@contextmanager
def noting(missing, what):
    """If something can't be read or drawn, add what it is and why, and go on."""
    try:
        yield
    except (OSError, ValueError, soundfile.LibsndfileError) as error:
        missing.append(f"{what}: {error}")


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
    learned: tuple = ((), ())
    """Columns and rows of ``learned_table``."""
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
    with noting(facts.missing, "The course of the training"):
        log = read_log(run.folder)
        facts.log = log if "epoch" in log else {}
    what = "The model, hence what it learned and figures of its attention"
    with noting(facts.missing, what):
        facts.model = load_trained(run)
        columns, rows = learned_table(facts.model.hparams["Transformer"])
        facts.learned = columns[:-1], [row[:-1] for row in rows]  # no names of code
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
        if with_characters:
            with noting(facts.missing, f"The CER of {name}"):
                cer = read_errors(folder / f"cer_{name}.txt")
        with noting(facts.missing, f"The results of {name}"):
            split = Split(name, read_errors(path), cer, read_utterances(path))
            facts.splits.append(split)
    facts.missing += [
        f"The results of {name}, which is a test split in {facts.run.path}: there is "
        f"no wer_{name}.txt; run train.py again with --test_only"
        for name in (expected if names else ())
        if name not in names
    ]


def spaced(items, count):
    """Some of a list, evenly spaced from its first to its last."""
    count, last = min(count, len(items)), len(items) - 1
    return [items[round(i * last / max(1, count - 1))] for i in range(count)]


def choose(facts, count):
    """Utterances of all tests together, evenly spaced from the worst to the best.

    Without a test, those of the test splits are taken as they come. What can't be read
    is added to ``facts.missing``. Returns (split, id) of each.
    """
    scored = {
        (split.name, name): utterance
        for split in facts.splits
        for name, utterance in split.utterances.items()
    }
    found = ranked(scored)
    for split in () if scored else facts.run.manifests:
        with noting(facts.missing, f"Utterances of {split}"):
            found += [(split, name) for name in recordings_of(facts.run, split)]
    return spaced(found, count)


def show(facts, split, name, data_folder=None):
    """What the page has of an utterance, and its faults."""
    scored = [one.utterances[name] for one in facts.splits if one.name == split]
    shown = {"split": split, "name": name, "scored": scored[0] if scored else None}
    shown |= {"sound": None, "pictures": [], "faults": (faults := [])}
    with noting(faults, f"Recording and figures of {name}"):
        sample_rate = int(facts.run.settings["sample_rate"])
        path = find_recording(facts.run, split, name, data_folder)
        shown["sound"] = figures.as_sound(read_mono(path, sample_rate), sample_rate)
    if faults:
        return shown
    # What is in no figure is told once, for all utterances.
    drawn = [*figures.FIGURES] if facts.model else ["pitch"]
    for figure in drawn:
        if not (facts.model and figure in figures.not_drawn(facts.model)):
            with noting(faults, f"The figure of {figure} of {name}"):
                shown["pictures"].append(
                    figures.draw(figure, facts.model, facts.learned, path)
                )
    return shown


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
            f"the manifest of {split} has no utterance {name}: the data were prepared "
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
