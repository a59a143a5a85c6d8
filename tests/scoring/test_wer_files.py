"""Reading utterances back from SpeechBrain's error files."""

import re

import pytest

from speechbrain_pitchrope.scoring.wer_files import read_errors, read_utterances
from tests.scoring.files import random_utterances, score, write_wer

UTTERANCES = {
    "1-1-0": ("THE BOAT", "THE BOW IT"),
    "1-1-1": ("A SMALL BOX", "SMALL BOX"),
    "2-1-0": ("YES", "YES"),
}


@pytest.fixture
def path(tmp_path):
    return write_wer(tmp_path / "wer_test.txt", UTTERANCES)


@pytest.mark.parametrize("by_character", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_what_is_read_is_what_was_scored(seed, by_character, path):
    """Alignments, texts and counts; words may look like the file's own signs."""
    utterances = {**random_utterances(seed), "9-1-0": (["YES"], [""])}
    stats = score(utterances, split_tokens=by_character)
    write_wer(path, utterances, split_tokens=by_character)
    read = read_utterances(path)
    assert list(read) == list(utterances)
    for details in stats.scores:
        found = read[details["key"]]
        said, recognised = details["ref_tokens"], details["hyp_tokens"]
        assert (found.reference, found.hypothesis) == (tuple(said), tuple(recognised))
        columns = zip(details["alignment"], found.columns, strict=True)
        for (kind, i, j), column in columns:
            cells = "" if i is None else said[i], "" if j is None else recognised[j]
            assert column == (str(kind), *cells)
        kinds = (details[kind] for kind in ("insertions", "deletions", "substitutions"))
        counts = (details["num_edits"], details["num_ref_tokens"], *kinds, 1)
        assert found.counts == counts
    found, summary = read_errors(path), stats.summarize()
    assert f"{found.rate:.2f}" == f"{summary['WER']:.2f}"
    assert found.errors == summary["num_edits"]
    assert found.utterances == len(utterances)
    path.write_text("\n".join(x.rstrip(" ") for x in path.read_text().split("\n")))
    assert read_utterances(path) == read, "without trailing spaces"


def test_a_file_that_was_cut_short_is_refused(path):
    text = path.read_text()
    path.write_bytes(b"\x89PNG\r\n\x1a\n")  # no text
    with pytest.raises(ValueError, match=r"wer_test\.txt begins with .*PNG"):
        read_errors(path)
    for length in (*range(0, len(text) - 9, 9), *range(len(text) - 9, len(text))):
        path.write_text(text[:length])
        with pytest.raises(ValueError, match=re.escape(str(path))):
            read_utterances(path)


def test_a_file_that_contradicts_itself_is_refused(path):
    text = path.read_text()
    for old, new, message in (
        ("[ 3 / 6, 1 ins", "[ 4 / 6, 2 ins", "holds .*=3, .* first lines say .*=4"),
        ("2-1-0,", "1-1-1,", "holds .*utterances=2"),
        ("YES\n = \nYES", "YES\n X \nYES", "holds .*errors=4"),
        ("%WER 50.00", "epoch: 1", "begins with 'epoch: 1.*expected the lines"),
    ):
        assert text.count(old) == 1
        path.write_text(text.replace(old, new))
        with pytest.raises(ValueError, match=message):
            read_utterances(path)
