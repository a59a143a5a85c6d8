"""What ``pitchrope report`` writes: a run's results on one page of HTML.

``Report`` reads what there is in an output folder and notes what is missing; figures.py
draws; report.html.j2 has the words.
"""

import logging
import re
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import jinja2
import soundfile
from speechbrain.dataio.dataio import load_data_csv
from speechbrain.utils.logger import get_logger

import speechbrain_pitchrope
from speechbrain_pitchrope.dataio.audio import read_mono
from speechbrain_pitchrope.figures import training
from speechbrain_pitchrope.figures.drawing import LISTENING
from speechbrain_pitchrope.files import reading, write_whole
from speechbrain_pitchrope.nnet.summary import learned_table
from speechbrain_pitchrope.report import figures
from speechbrain_pitchrope.runs.run import Run, open_run
from speechbrain_pitchrope.runs.trained import load_trained
from speechbrain_pitchrope.scoring.wer_files import read_errors, read_utterances

logger = get_logger(__name__)

TEMPLATE = jinja2.Environment(
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=jinja2.StrictUndefined,
).from_string(Path(__file__).with_name("report.html.j2").read_text(encoding="utf-8"))


def report_run(output_folder):
    """Write ``report.html`` into the output folder of a run, and log what it lacks.

    This is for a recipe's yaml; ``train.py`` calls it with the output folder::

        after_training:
            - !name:speechbrain_pitchrope.report.report_run
    """
    # SpeechBrain's log.txt takes all that is said; these say a lot about fonts.
    for name in ("matplotlib", "PIL"):
        logging.getLogger(name).setLevel(logging.WARNING)
    path = Path(output_folder).absolute() / "report.html"
    for text in write_report(output_folder, path):
        logger.warning("Missing in the report: %s", text)
    logger.info("The report: %s", path)


def write_report(output_folder, path, utterances=3, data_folder=None):
    """Write the page of a run, of our recipe or of a swapped one.

    This runs what the run's hyperparams.yaml names. A run that is not finished or not
    tested yet has a page too. Returns a list of what should be on the page and isn't,
    and why; the page says so too. The arguments are the command's.
    """
    report = Report(output_folder)
    write_whole(path, report.page(utterances, data_folder).encode())
    return report.missing


class Report:
    """What the output folder of a run holds.

    ``missing`` says what should be there and isn't. ``log`` is of ``read_log``,
    ``learned`` of ``learned_table``. ``splits`` are those that were tested: name, wer
    and cer (Errors), utterances ({id: Utterance}) and wrong (ids, the worst first).
    """

    def __init__(self, output_folder):
        opened = open_run(output_folder)
        self.run = run = Run(opened.folder, opened.entries)  # not one checkpoint
        self.missing, self.splits = [], []
        self.log, self.model, self.learned = {}, None, ((), ())
        with noting(self.missing, "The course of the training"):
            log = training.read_log(run.folder)
            self.log = log if "epoch" in log else {}
        what = "The model, hence what it learned and figures of its attention"
        with noting(self.missing, what):
            self.model = load_trained(run)
            columns, rows = learned_table(self.model.hparams["Transformer"])
            self.learned = columns[:-1], [row[:-1] for row in rows]  # no names of code
        self._read_tests()

    def _read_tests(self):
        """The error files of every split; those that are cut short are left out."""
        folder, expected = self.run.folder, list(self.run.manifests)
        tested = {path.stem.removeprefix("wer_") for path in folder.glob("wer_*.txt")}
        self.tested = bool(tested)
        with_characters = any(folder.glob("cer_*.txt"))  # some recipes write none
        for name in sorted(tested, key=lambda x: ([*expected, x].index(x), x)):
            path, cer = folder / f"wer_{name}.txt", None
            if with_characters:
                with noting(self.missing, f"The CER of {name}"):
                    cer = read_errors(folder / f"cer_{name}.txt")
            with noting(self.missing, f"The results of {name}"):
                found = read_utterances(path)
                wrong = [key for key in ranked(found) if found[key].counts.errors]
                split = {"name": name, "wer": read_errors(path), "cer": cer}
                self.splits.append(split | {"utterances": found, "wrong": wrong})
        self.missing += [
            f"The results of {name}, which is a test split in {self.run.path}: there "
            f"is no wer_{name}.txt; run train.py again with --test_only"
            for name in (expected if tested else ())
            if name not in tested
        ]

    def page(self, utterances, data_folder=None):
        """The page as HTML, showing ``utterances`` of them; completes ``missing``."""
        chosen = self.choose(utterances).items()
        shown = [self.show(*key, scored, data_folder) for key, scored in chosen]
        self.missing += [fault for one in shown for fault in one["faults"]]
        course = training.training_figure({"": self.log}) if self.log else None
        parameters = self.model.modules.parameters() if self.model else ()
        return TEMPLATE.render(
            report=self,
            switches=LISTENING if self.model else (),
            n_parameters=sum(parameter.numel() for parameter in parameters),
            shown=shown,
            not_drawn=figures.not_drawn(self.model),
            course=figures.as_picture("training", course) if course else None,
            log_rows=list(zip(*self.log.values(), strict=True)),
            made=f"{datetime.now().astimezone():%Y-%m-%d %H:%M %Z}",
            version=speechbrain_pitchrope.__version__,
        )

    def choose(self, count):
        """{(split, id): Utterance, None if untested}, from the worst to the best."""
        found = {
            (split["name"], name): utterance
            for split in self.splits
            for name, utterance in split["utterances"].items()
        }
        keys = ranked(found)
        for split in () if found else self.run.manifests:
            with noting(self.missing, f"Utterances of {split}"):
                keys += [(split, name) for name in recordings(self.run, split)]
        return {key: found.get(key) for key in spaced(keys, count)}

    def show(self, split, name, scored, data_folder=None):
        """What the page has of an utterance, and its faults."""
        faults, pictures = [], []
        shown = {"split": split, "name": name, "scored": scored, "sound": None}
        with noting(faults, f"Recording and figures of {name}"):
            rate = int(self.run.settings["sample_rate"])
            wav = recordings(self.run, split, data_folder).get(name, "")
            path = self.run.find(wav)
            if not path.is_file():
                raise ValueError(
                    f"{path if wav else 'its row'} is not there. If the corpus was "
                    "moved, say where it is now: --data-folder DIR. If the data were "
                    "prepared anew since the test, run train.py again with --test_only"
                )
            shown["sound"] = figures.as_sound(read_mono(path, rate), rate)
        for figure in figures.FIGURES if not faults else ():
            if figure in figures.not_drawn(self.model):
                continue  # told once, for all utterances
            with noting(faults, f"The figure of {figure} of {name}"):
                pictures.append(figures.draw(figure, self.model, self.learned, path))
        return shown | {"pictures": pictures, "faults": faults}


@contextmanager
def noting(missing, what):
    """If something can't be read or drawn, add what it is and why, and go on."""
    try:
        yield
    except (OSError, ValueError, soundfile.LibsndfileError) as error:
        missing.append(f"{what}: {error}")


def ranked(utterances):
    """Keys of {key: Utterance}: by error rate, then errors, the worst first."""
    counts = {name: utterance.counts for name, utterance in utterances.items()}
    return sorted(counts, key=lambda x: (-counts[x].rate, -counts[x].errors, x))


def spaced(items, count):
    """Some of a list, evenly spaced from its first to its last."""
    count, last = min(count, len(items)), len(items) - 1
    return [items[round(i * last / max(1, count - 1))] for i in range(count)]


def recordings(run, split, data_folder=None):
    """{id: recording} of a split's manifest, in the corpus's old or given folder."""
    path = run.manifests.get(split, run.folder / f"{split}.csv")
    then = str(run.settings.get("data_folder") or ".").rstrip("/")
    now = str(data_folder or then)
    remedy = (
        f"its columns ID and wav say where the recordings of {split} are; copy "
        "manifest_folder with the run, or prepare the data again"
    )
    with reading(path, remedy):
        rows = load_data_csv(path, {"data_root": now})
        return {
            name: re.sub(rf"^{re.escape(then)}(?=/)", lambda _: now, row["wav"])
            for name, row in rows.items()
        }
