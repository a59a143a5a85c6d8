"""What LibriSpeech's layout promises, and whether a folder keeps it.

    <split>/<speaker>/<chapter>/<speaker>-<chapter>-<number>.flac
    <split>/<speaker>/<chapter>/<speaker>-<chapter>.trans.txt    one "<ID> WORDS" a line

Audio files are matched with transcript lines. What fits is a row of the manifest, and
whatever does not is a problem, under a key of ``EXPECTED``.
"""

import collections
import os
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from audio_check import AUDIO, audio_problems
from speechbrain_pitchrope.dataio.audio import LARGEST_SAMPLE

COLUMNS = ("ID", "duration", "wav", "spk_id", "wrd")
TRANSCRIPT = ".trans.txt"

EXPECTED = {  # every kind of problem, and what there should be instead
    "audio_without_transcript": "a line of this ID in the transcript file beside it",
    "bad_layout": "<speaker>/<chapter>/<speaker>-<chapter>-<number>.flac (or .wav) and "
    "<speaker>-<chapter>.trans.txt, without $",
    "bad_transcript": "UTF-8 without $, which SpeechBrain takes for a replacement",
    "duplicate_id": "one audio file and one transcript line of this ID",
    "empty_file": "FLAC or WAV data",
    "empty_transcript": "words after the ID",
    "no_samples": "at least 1 sample",
    "no_utterances": "at least one utterance without a problem",
    "not_finite": "no NaN, no Inf",
    "not_mono": "1 channel",
    "silent": "a sample other than 0",
    "too_long": "at most {max_seconds} s",
    "too_loud": f"float samples between -1 and 1, or of at most {LARGEST_SAMPLE:g}",
    "too_short": "at least {min_seconds} s",
    "transcript_without_audio": "a .flac or .wav of this ID beside it",
    "truncated_audio": "all samples that the header promises",
    "unreadable_audio": "a FLAC or WAV that can be opened and says its length",
    "wrong_sample_rate": "{sample_rate} Hz",
}


class Problem(NamedTuple):
    """One reason why an utterance cannot be used: a row of the problem report."""

    ID: str
    problem: str
    found: str
    expected: str
    file: str


def scan(data_folder, folder):
    """{path from data_folder: [bytes, mtime in ns]} of audio and transcript files."""

    def refuse(error):  # os.walk would pass over a folder that it cannot read
        raise error

    files = {}
    for parent, _, names in os.walk(folder, onerror=refuse, followlinks=True):
        for path in (Path(parent, name) for name in names):
            if path.name.lower().endswith((*AUDIO, TRANSCRIPT)):
                stat = path.stat() if path.exists() else path.lstat()  # a dangling link
                rel = path.relative_to(data_folder).as_posix()
                files[rel] = [stat.st_size, stat.st_mtime_ns]
    return dict(sorted(files.items()))


def _read_transcripts(data_folder, base, paths):
    """{ID: [(transcript file, words), ...]}, and what is wrong with whole files."""
    lines, problems = collections.defaultdict(list), []
    for path in paths:
        stem, text = path.name[: -len(TRANSCRIPT)], ""
        if path.parent.relative_to(base).parts != tuple(stem.split("-")):
            problems += [(stem, "bad_layout", str(path), path)]
            continue
        try:
            text = (data_folder / path).read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            problems += [(stem, "bad_transcript", str(error), path)]
        for uid, *words in filter(None, map(str.split, text.split("\n"))):
            lines[uid].append((path, " ".join(words)))
    return lines, problems


def match(data_folder, base, files, seen, settings):
    """Rows of the utterances without a problem, and the problems of the others."""
    paths = [PurePosixPath(rel) for rel in files]
    texts = [path for path in paths if str(path) not in seen]
    lines, problems = _read_transcripts(data_folder, base, texts)
    clips = sorted((p for p in paths if str(p) in seen), key=lambda path: path.stem)
    audio, rows = collections.defaultdict(list), []
    for path in clips:
        audio[path.stem].append(path)
    for path in clips:
        uid, found = path.stem, seen[str(path)]
        bad = audio_problems(found, settings)
        parts = path.parent.relative_to(base).parts
        if len(parts) != 2 or [*parts] != uid.split("-")[:-1] or "$" in str(path):
            bad += [("bad_layout", str(path))]
        here = [words for text, words in lines[uid] if text.parent == path.parent]
        if not here:
            bad += [("audio_without_transcript", "no line")]
        if len(audio[uid]) > 1 or (here and len(lines[uid]) > 1):
            both = [*audio[uid], *(text for text, _ in lines[uid])]
            bad += [("duplicate_id", ", ".join(map(str, both)))]
        if here and not here[0]:
            bad += [("empty_transcript", "an ID alone")]
        if here and "$" in here[0]:
            bad += [("bad_transcript", here[0])]
        problems += [(uid, kind, what, path) for kind, what in bad]
        if not bad:
            seconds = repr(found["frames"] / found["rate"])
            cells = (uid, seconds, f"$data_root/{path}", parts[0], here[0])
            rows += [dict(zip(COLUMNS, cells, strict=True))]
    for uid, entries in lines.items():
        for text, _ in entries:
            if all(path.parent != text.parent for path in audio[uid]):
                problems += [(uid, "transcript_without_audio", "no audio", text)]
    return rows, [
        Problem(uid, kind, what, EXPECTED[kind].format(**settings), str(path))
        for uid, kind, what, path in sorted(problems)
    ]


def merge_rows(parts, name):
    """Rows of several splits; an ID in two of them can be used in neither."""
    rows = sorted((row for part in parts for row in part), key=lambda row: row["ID"])
    count = collections.Counter(row["ID"] for row in rows)
    kind = "duplicate_id"
    return [row for row in rows if count[row["ID"]] == 1], [
        Problem(
            row["ID"], kind, f"{count[row['ID']]} in {name}", EXPECTED[kind], row["wav"]
        )
        for row in rows
        if count[row["ID"]] > 1
    ]
