"""From a folder in LibriSpeech layout to checked csv manifests: the first recipe step.

    librispeech_layout.scan     which files a split has
    audio_check.measure_all     what is in its audio files
    librispeech_layout.match    which utterances can be used, and why others can't

What can be used goes to ``<split>.csv``, all else to ``problems_<split>.csv``.
"""

import argparse
import collections
import csv
import fcntl
import hashlib
import io
import json
import logging
import sys
from pathlib import Path

from speechbrain.utils.logger import get_logger

from audio_check import VERSION, measure_all
from librispeech_layout import COLUMNS, EXPECTED, Problem, match, merge_rows, scan
from speechbrain_pitchrope.files import write_whole

logger = get_logger(__name__)

ADVICE = """Mend or remove the files and run again (only new, changed and faulty files
are checked again), or leave these utterances out with on_problem: skip."""


class DataPreparationError(ValueError):
    """Some utterances cannot be used: how many, why, which, and how to go on."""

    def __init__(self, problems, reports):
        self.problems, self.reports = problems, reports
        kinds = collections.Counter(p.problem for p in problems)
        lines = [f"{len(problems)} problem(s) in the data:"]
        lines += [f"  {count:6d} {kind}" for kind, count in kinds.most_common()]
        lines += ["the first of them:"]
        for p in problems[:10]:
            lines += [f"  {p.file}: {p.problem}: {p.found} (expected {p.expected})"]
        lines += ["all of them:", *(f"  {report}" for report in reports)]
        lines += [ADVICE]
        if kinds["no_utterances"]:
            lines += ["A csv without utterances is an error in any case."]
        super().__init__("\n".join(lines))


def prepare_librispeech(
    data_folder,
    save_folder,
    splits,
    merge=None,
    sample_rate=16000,
    min_seconds=0.1,
    max_seconds=None,
    check_audio="full",
    on_problem="raise",
    skip_prep=False,
    workers=None,
):
    """Checks splits in LibriSpeech layout and writes a csv manifest of each.

    A finished split is left alone while settings and files (names, sizes, times of
    modification) stay as they are. One that was interrupted, or had problems, leaves
    a journal: the next run checks only files that are new, changed, or had a problem.

    Arguments
    ---------
    data_folder : str or Path
        Holds the splits, or a folder ``LibriSpeech`` that does. Column ``wav`` is
        ``$data_root/`` and the path from here.
    save_folder : str or Path
        Where manifests, their ``.json`` and problem reports are written.
    splits : list of str
        Names of split folders, official or not.
    merge : dict, optional
        Further csv files, each of several splits: ``{"train.csv": ["a", "b"]}``.
    sample_rate : int
        Expected sample rate in Hz.
    min_seconds : float
        Shortest utterance to accept.
    max_seconds : float, optional
        Longest utterance to accept; no limit if None.
    check_audio : str
        ``"full"`` decodes every file. ``"header"`` only opens it: several times
        faster, but blind to FLAC data that are truncated or damaged (it sees that a
        wav lacks its end), all-zero audio, and samples that are NaN or infinite.
    on_problem : str
        ``"raise"``: after reading all splits, raise one error; a split with problems
        gets no csv. ``"skip"``: leave such utterances out and log a warning.
    skip_prep : bool
        Only see to it that the csv files needed are there: those of ``merge``, and
        those of splits that are not merged.
    workers : int, optional
        Number of threads, by default ``os.cpu_count()``; no influence on the result.

    Raises
    ------
    DataPreparationError
        If there are problems and ``on_problem`` is ``"raise"``, or if, in either mode,
        a csv would be empty.
    FileNotFoundError
        If a split folder, or with ``skip_prep`` a csv, is not there.
    ValueError
        If an argument has a value that it cannot have.

    Example
    -------
    >>> import tempfile
    >>> import numpy as np
    >>> import soundfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> chapter = folder / "data" / "dev-tiny" / "84" / "121"
    >>> chapter.mkdir(parents=True)
    >>> _ = (chapter / "84-121.trans.txt").write_text("84-121-0000 GO ON")
    >>> soundfile.write(chapter / "84-121-0000.flac", np.full(16000, 0.1), 16000)
    >>> prepare_librispeech(folder / "data", folder, ["dev-tiny"])
    >>> print((folder / "dev-tiny.csv").read_text().strip())
    ID,duration,wav,spk_id,wrd
    84-121-0000,1.0,$data_root/dev-tiny/84/121/84-121-0000.flac,84,GO ON
    """
    data_folder, save_folder, merge = Path(data_folder), Path(save_folder), merge or {}
    settings = {"check_audio": check_audio, "sample_rate": sample_rate}
    settings |= {"min_seconds": min_seconds, "max_seconds": max_seconds}
    _check_arguments(splits, merge, settings, on_problem, workers)
    if skip_prep:
        _check_ready(save_folder, splits, merge)
        return

    folders, skip = _find_splits(data_folder, splits), on_problem == "skip"
    save_folder.mkdir(parents=True, exist_ok=True)
    with open(save_folder / "prepare.lock", "w") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)  # until another run has prepared it
        _prepare(data_folder, save_folder, folders, merge, settings, skip, workers)


def _prepare(data_folder, save_folder, folders, merge, settings, skip, workers):
    """What is left of the preparation once arguments are checked and others wait."""
    done = {}  # csv name: (rows, problems, whether it was written)
    for split, folder in folders.items():
        name, state_file = f"{split}.csv", save_folder / f"{split}.json"
        files = scan(data_folder, folder)
        state = {"settings": settings | {"version": VERSION}, "input": _summary(files)}
        rows = _finished_rows(save_folder, name, state_file, state, skip)
        if rows is not None:
            done[name] = rows, [], True
            continue
        for old in (state_file.name, name, *(m for m in merge if split in merge[m])):
            (save_folder / old).unlink(missing_ok=True)  # nothing out of date remains
        journal = save_folder / f"{split}.journal.jsonl"
        seen = measure_all(data_folder, files, journal, settings, workers)
        base = folder.relative_to(data_folder).as_posix()
        rows, problems = match(data_folder, base, files, seen, settings)
        done[name] = _finish(save_folder, name, rows, problems, len(seen), skip)
        if done[name][2]:
            csv_sha1 = _sha1((save_folder / name).read_bytes())
            state |= {"problems": len(problems), "csv": csv_sha1}
            write_whole(state_file, json.dumps(state, indent=1).encode())
            journal.unlink()
    for name, splits_in in merge.items():
        parts = [done[f"{split}.csv"] for split in splits_in]
        rows, problems = merge_rows([part[0] for part in parts], name)
        total, whole = sum(len(part[0]) for part in parts), all(p[2] for p in parts)
        done[name] = _finish(save_folder, name, rows, problems, total, skip, whole)
    failed = {name: problems for name, (_, problems, good) in done.items() if not good}
    if failed:
        reports = [_report(save_folder, name) for name in failed if failed[name]]
        problems = [problem for name in failed for problem in failed[name]]
        raise DataPreparationError(problems, reports)


def _check_arguments(splits, merge, settings, on_problem, workers):
    for name, parts in {"splits": splits, **merge}.items():
        if isinstance(parts, str) or not parts or len(set(parts)) < len(parts):
            raise ValueError(
                f"{name}: expected a list of distinct names, not {parts!r}"
            )
        if not set(parts) <= set(splits):
            raise ValueError(f"{name}: expected names among {splits}, found {parts}")
        if parts is not splits and (name[-4:] != ".csv" or name[:-4] in splits):
            raise ValueError(f"merge: {name!r} must end in .csv and be no split's csv")
    low, high = settings["min_seconds"], settings["max_seconds"]
    if low < 0 or (high is not None and high < low):
        raise ValueError(f"expected 0 <= min_seconds <= max_seconds, not {low}, {high}")
    if settings["check_audio"] not in ("full", "header"):
        found = settings["check_audio"]
        raise ValueError(f"check_audio: expected full or header, found {found!r}")
    if on_problem not in ("raise", "skip"):
        raise ValueError(f"on_problem: expected raise or skip, found {on_problem!r}")
    if workers is not None and workers < 1:
        raise ValueError(f"workers: expected None or at least 1, found {workers}")


def _check_ready(save_folder, splits, merge):
    merged = {split for parts in merge.values() for split in parts}
    names = [*merge, *(f"{split}.csv" for split in splits if split not in merged)]
    if missing := [name for name in names if not (save_folder / name).is_file()]:
        raise FileNotFoundError(
            f"skip_prep is set, but save_folder {save_folder} has no "
            f"{', '.join(missing)}: prepare with skip_prep: False"
        )


def _find_splits(data_folder, splits):
    roots = [
        path for path in (data_folder / "LibriSpeech", data_folder) if path.is_dir()
    ]
    found = {s: root / s for root in roots for s in splits if (root / s).is_dir()}
    if missing := [split for split in splits if split not in found]:
        there = [path for root in roots for path in root.iterdir() if path.is_dir()]
        there = sorted(path.relative_to(data_folder).as_posix() for path in there)
        raise FileNotFoundError(
            f"no split folder {', '.join(missing)} in data_folder {data_folder} (its "
            f"folders: {', '.join(there) or 'none'}): correct splits, or set "
            "data_folder to the folder that holds them"
        )
    return {split: found[split] for split in splits}


def _summary(files):
    """What is kept of a scan to see whether anything changed since."""
    return {
        "files": len(files),
        "bytes": sum(size for size, _ in files.values()),
        "newest_ns": max((mtime for _, mtime in files.values()), default=0),
        "sha1": _sha1(json.dumps(list(files.items())).encode()),
    }


def _sha1(content):
    return hashlib.sha1(content).hexdigest()


def _finished_rows(save_folder, name, state_file, state, skip):
    """Rows of a split that needs no preparation, else None."""
    try:
        before = json.loads(state_file.read_text(encoding="utf-8"))
        with open(save_folder / name, encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        state = state | {"csv": _sha1((save_folder / name).read_bytes())}
    except (OSError, ValueError):
        return None
    left_out = before.pop("problems", None)
    for key in [key for key in state if before.get(key) != state[key]]:
        message = "%s: prepared again, %s changed from %s to %s"
        logger.warning(message, name, key, before.get(key), state[key])
    if before != state or (left_out and not skip):
        return None
    logger.info("%s: prepared before, %d utterances", name, len(rows))
    if left_out:
        report = _report(save_folder, name)
        logger.warning("%s: %d problems left out, listed in %s", name, left_out, report)
    return rows


def _report(save_folder, name):
    return save_folder / f"problems_{name.removesuffix('.csv')}.csv"


def _finish(save_folder, name, rows, problems, total, skip, whole=True):
    """Writes the report if there is one to write, and the csv if it may be used."""
    report, target = _report(save_folder, name), save_folder / name
    if not rows and whole:
        kind, found = "no_utterances", f"0 of {total} audio files can be used"
        problems = [Problem("", kind, found, EXPECTED[kind], name), *problems]
    report.unlink(missing_ok=True)
    if problems:
        _write_csv(report, Problem._fields, map(Problem._asdict, problems))
    if not rows or not whole or (problems and not skip):
        target.unlink(missing_ok=True)
        return rows, problems, False
    _write_csv(target, COLUMNS, rows)
    hours = sum(float(row["duration"]) for row in rows) / 3600
    logger.info("%s: %d utterances, %.2f h", name, len(rows), hours)
    if problems:
        message = "%s: %d of %d audio files left out, %d problems listed in %s"
        out = total - len(rows)
        logger.warning(message, name, out, total, len(problems), report)
    return rows, problems, True


def _write_csv(path, columns, rows):
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_whole(path, text.getvalue().encode("utf-8", "backslashreplace"))


def main():
    """Command line; its options are the arguments of ``prepare_librispeech``."""
    parser = argparse.ArgumentParser(
        description="Check a folder in LibriSpeech layout and write csv manifests.",
        epilog="example: %(prog)s LibriSpeech save --splits train-clean-100 "
        "train-clean-360 dev-clean --merge train.csv=train-clean-100,train-clean-360",
    )
    add = parser.add_argument
    add("data_folder", help="folder that holds the splits, or a LibriSpeech that does")
    add("save_folder", help="where csv manifests and problem reports are written")
    add("--splits", nargs="+", required=True, help="names of split folders")
    text = "further csv files, each of several splits"
    add("--merge", nargs="+", default=[], metavar="CSV=SPLIT,SPLIT", help=text)
    text = "expected rate in Hz (%(default)s)"
    add("--sample-rate", type=int, default=16000, help=text)
    text = "shortest utterance to accept (%(default)s)"
    add("--min-seconds", type=float, default=0.1, help=text)
    add("--max-seconds", type=float, help="longest utterance to accept (no limit)")
    text = "decode every file, or only read its header (%(default)s)"
    add("--check-audio", default="full", choices=("full", "header"), help=text)
    text = "stop at utterances with problems, or leave them out (%(default)s)"
    add("--on-problem", default="raise", choices=("raise", "skip"), help=text)
    add("--workers", type=int, help="number of threads (one per core)")
    options = vars(parser.parse_args())
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    merge = [item.partition("=") for item in options.pop("merge")]
    try:
        merge = {name: parts.split(",") for name, _, parts in merge}
        prepare_librispeech(**options, merge=merge)
    except (ValueError, OSError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
