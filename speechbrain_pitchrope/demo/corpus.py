"""`pitchrope demo-corpus`: a small speech corpus in LibriSpeech's layout, offline.

Last on the demo corpus' way: the grammar's sentences (`sentences`) are shared out
among the voices (`voices`), spoken by espeak-ng (`espeak`), recorded (`audio`)
and written as OUT/<split>/<speaker>/<chapter>/<speaker>-<chapter>-<NNNN>.flac.
"""

import argparse
import sys
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from functools import cache, partial
from itertools import groupby
from pathlib import Path

import numpy as np
import soundfile
from tqdm import tqdm

from speechbrain_pitchrope.demo.audio import (
    SAMPLE_RATE,
    add_room,
    resample,
    trim,
    write_flac,
    write_text,
)
from speechbrain_pitchrope.demo.espeak import Espeak, EspeakError
from speechbrain_pitchrope.demo.folder import (
    corpus_settings,
    open_folder,
    write_settings,
)
from speechbrain_pitchrope.demo.plan import (
    VOICES,
    CorpusError,
    Utterance,
    plan_utterances,
)
from speechbrain_pitchrope.demo.processes import mapping, usable_cores
from speechbrain_pitchrope.demo.voices import Voice, check_probes, probe_voice

__all__ = [
    "VOICES",
    "CorpusError",
    "CorpusReport",
    "SplitReport",
    "Utterance",
    "Voice",
    "add_arguments",
    "make_demo_corpus",
    "plan_utterances",
    "run",
]

DEFAULT_SEED = 1
DEFAULT_UTTERANCES = 1200

# A further process is started for every so many utterances.
UTTERANCES_PER_WORKER = 50

SPEAKERS_FILE = "SPEAKERS.TXT"
SPEAKERS_HEADER = """\
; Speakers of the demo corpus: voices of espeak-ng, a speech synthesiser.
; ID: number of the speaker. SEX: F or M, the register the voice is heard in.
; SUBSET: the split that holds all its utterances. MINUTES: of audio, pauses included.
; NAME: the voice in espeak-ng, as language+variant.
;
;ID  |SEX| SUBSET           |MINUTES| NAME
"""


@dataclass(frozen=True)
class SplitReport:
    """One split in numbers.

    Arguments
    ---------
    split : str
        Its name.
    utterances, speakers : int
        How many it has.
    minutes : float
        Length of its audio.
    lowest_f0_hz, highest_f0_hz : float
        Measured median f0 of its lowest and of its highest voice, in Hz.
    """

    split: str
    utterances: int
    speakers: int
    minutes: float
    lowest_f0_hz: float
    highest_f0_hz: float


@dataclass(frozen=True)
class CorpusReport:
    """What a run has made or found.

    Arguments
    ---------
    root : pathlib.Path
        The corpus' folder.
    splits : tuple
        A SplitReport for each split.
    spoken : int
        Utterances spoken in this run; 0 if all were there.
    """

    root: Path
    splits: tuple
    spoken: int

    def __str__(self):
        lines = ["split        utterances  minutes  speakers  f0 of voices (Hz)"]
        lines += [
            f"{s.split:<12} {s.utterances:>10} {s.minutes:>8.1f} {s.speakers:>9}"
            f"  {s.lowest_f0_hz:.0f} .. {s.highest_f0_hz:.0f}"
            for s in self.splits
        ]
        return "\n".join([*lines, f"corpus: {self.root}"])


def make_demo_corpus(
    out,
    seed=DEFAULT_SEED,
    utterances=DEFAULT_UTTERANCES,
    voices_per_split=None,
    workers=None,
    progress=True,
):
    """Makes the demo corpus, or what an interrupted run left of it to be made.

    The same arguments give the same samples and transcripts, whatever `workers` is.

    Arguments
    ---------
    out : str or pathlib.Path
        Its folder: new, empty, or a demo corpus of the same settings.
    seed : int
        Seed of sentences, pauses, levels and noise, 0 or more.
    utterances : int
        Number of utterances in all splits together, at least one a voice. The voices
        share them evenly.
    voices_per_split : int, optional
        At most so many voices in a split, 1 or more; all by default.
    workers : int, optional
        Number of processes, 1 or more; 1 is this process. By default one for each
        usable core, and fewer for a small corpus.
    progress : bool
        Whether to show a progress bar.

    Returns
    -------
    CorpusReport
        The splits in numbers. `str` makes a table of it.

    Raises
    ------
    CorpusError
        If the folder or a number cannot be used.
    EspeakError
        If a voice does not sound as declared, or espeak-ng fails otherwise.
    ImportError
        If espeakng-loader is not installed.

    Example
    -------
    >>> report = make_demo_corpus("demo", utterances=64)  # doctest: +SKIP
    """
    if workers is not None and workers < 1:
        raise CorpusError(f"workers is {workers}: expected 1 or more")
    root = Path(out)
    plan = plan_utterances(seed, utterances, voices_per_split)
    settings = corpus_settings(plan, seed, _espeak().version)
    summary = open_folder(root, settings)
    missing = [item for item in plan if not (root / item.path).is_file()]
    documents = {SPEAKERS_FILE, *(item.transcripts for item in plan)}
    if summary and not missing and all((root / name).is_file() for name in documents):
        return CorpusReport(root, tuple(SplitReport(**s) for s in summary), spoken=0)
    if workers is None:
        workers = min(usable_cores(), 1 + len(missing) // UTTERANCES_PER_WORKER)
    try:
        reports = _make(root, plan, missing, seed, workers, progress)
        write_settings(root, settings, [asdict(report) for report in reports])
    except OSError as error:
        raise CorpusError(
            f"the corpus cannot be written: {error}. What is written stays; mend that "
            "and run again to resume"
        ) from error
    except BrokenProcessPool as error:
        raise CorpusError(
            "a worker process ended before its work was done. What is written stays; "
            "run again to resume, with one worker if this comes again. (A script that "
            "calls make_demo_corpus needs `if __name__ == '__main__':` around it.)"
        ) from error
    return CorpusReport(root, tuple(reports), spoken=len(missing))


def add_arguments(parser):
    """Adds the options of `pitchrope demo-corpus` to a parser.

    Arguments
    ---------
    parser : argparse.ArgumentParser
        The parser of the command.
    """
    parser.add_argument("out", metavar="OUT", help="folder of the corpus")
    parser.add_argument(
        "--seed",
        type=_whole_number(0),
        default=DEFAULT_SEED,
        help="seed of sentences, pauses, levels and noise (default: %(default)s)",
    )
    parser.add_argument(
        "--utterances",
        type=_whole_number(1),
        default=DEFAULT_UTTERANCES,
        help="how many in all splits together (default: %(default)s)",
    )
    parser.add_argument(
        "--voices-per-split",
        type=_whole_number(1),
        help="at most so many voices in a split (default: all)",
    )
    parser.add_argument(
        "--workers",
        type=_whole_number(1),
        help="number of processes (default: one for each core)",
    )
    parser.add_argument(
        "--no-progress", action="store_true", help="show no progress bar"
    )


def run(args):
    """Runs `pitchrope demo-corpus`.

    Arguments
    ---------
    args : argparse.Namespace
        The options that `add_arguments` declares.

    Returns
    -------
    int
        Exit code: 0 for a complete corpus, 1 for an error, 130 for an interruption.
    """
    try:
        report = make_demo_corpus(
            args.out,
            seed=args.seed,
            utterances=args.utterances,
            voices_per_split=args.voices_per_split,
            workers=args.workers,
            progress=not args.no_progress,
        )
    except (CorpusError, EspeakError, ImportError) as error:
        print(f"pitchrope demo-corpus: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(
            "pitchrope demo-corpus: interrupted; run the same command to resume",
            file=sys.stderr,
        )
        return 130
    if report.spoken == 0:
        print("the demo corpus is complete already: nothing to do")
    print(report)
    return 0


def _whole_number(least):
    """Returns an argparse type: whole numbers from `least` on."""

    def parse(text):
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(
                f"{text!r}: expected a whole number of {least} or more"
            )
        return int(text)

    return parse


def _make(root, plan, missing, seed, workers, progress):
    """Checks the voices, records what is missing and writes the documents."""
    voices = dict.fromkeys(item.voice for item in plan)
    with mapping(workers) as parallel_map:
        probes = list(parallel_map(_probe, voices))
        check_probes(probes)
        recorded = parallel_map(partial(_record, root, seed), missing)
        bar = tqdm(recorded, "speaking", len(missing), unit="utt", disable=not progress)
        for _ in bar:
            pass
    return _write_documents(root, plan, probes)


@cache
def _espeak():
    """The synthesiser of this process."""
    return Espeak()


def _probe(voice):
    """Measures a voice, in whatever process this is."""
    return probe_voice(voice, _espeak())


def _record(root, seed, utterance):
    """Speaks an utterance and writes it; its sound depends on seed and utterance."""
    rng = np.random.default_rng([seed, utterance.voice.speaker, utterance.number])
    espeak = _espeak()
    speech = utterance.voice.speak(
        espeak, utterance.sentence.prompt, seed=int(rng.integers(2**31))
    )
    speech = resample(trim(speech), espeak.sample_rate)
    write_flac(root / utterance.path, add_room(speech, rng))


def _write_documents(root, plan, probes):
    """Writes transcripts and SPEAKERS.TXT; returns the SplitReport of each split."""
    for path, items in groupby(plan, key=lambda item: item.transcripts):
        lines = [f"{item.id} {item.sentence.words}\n" for item in items]
        write_text(root / path, "".join(lines))
    minutes = dict.fromkeys((probe.voice for probe in probes), 0.0)
    for item in plan:
        frames = soundfile.info(root / item.path).frames
        minutes[item.voice] += frames / SAMPLE_RATE / 60
    rows = [
        f"{v.speaker:<5}| {v.sex} | {v.split:<17}| {minutes[v]:5.2f} | {v.name}\n"
        for v in minutes
    ]
    write_text(root / SPEAKERS_FILE, SPEAKERS_HEADER + "".join(rows))
    reports = []
    for split in dict.fromkeys(voice.split for voice in minutes):
        f0_hz = [probe.f0_hz for probe in probes if probe.voice.split == split]
        reports.append(
            SplitReport(
                split=split,
                utterances=sum(item.voice.split == split for item in plan),
                speakers=len(f0_hz),
                minutes=sum(m for voice, m in minutes.items() if voice.split == split),
                lowest_f0_hz=min(f0_hz),
                highest_f0_hz=max(f0_hz),
            )
        )
    return reports
