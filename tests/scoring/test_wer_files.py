"""Reading utterances back from SpeechBrain's error files."""

import re

import pytest
from speechbrain.utils.edit_distance import wer_details_for_batch

from speechbrain_pitchrope.scoring.wer_files import (
    Errors,
    parse_alignment,
    read_errors,
    read_utterances,
)
from tests.scoring.files import random_utterances, write_wer

UTTERANCES = {
    "1-1-0": ("THE BOAT", "THE BOW IT"),
    "1-1-1": ("A SMALL BOX", "SMALL BOX"),
    "2-1-0": ("YES", "YES"),
}


@pytest.fixture
def path(tmp_path):
    return write_wer(tmp_path / "wer_test.txt", UTTERANCES)


def edit(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.mark.parametrize("seed", range(10))
def test_words_and_counts_are_those_that_were_scored(seed, tmp_path):
    utterances = random_utterances(seed)
    references, hypotheses = zip(*utterances.values(), strict=True)
    scored = wer_details_for_batch(list(utterances), references, hypotheses)
    read = read_utterances(write_wer(tmp_path / "wer_test.txt", utterances))
    assert list(read) == list(utterances)
    for details in scored:
        reference, hypothesis, counts, _ = read[details["key"]]
        assert (list(reference), list(hypothesis)) == utterances[details["key"]]
        assert counts._asdict() == {
            "errors": details["num_edits"],
            "words": details["num_ref_tokens"],
            "insertions": details["insertions"],
            "deletions": details["deletions"],
            "substitutions": details["substitutions"],
        }


def test_the_first_lines_are_the_counts_of_the_file(path):
    assert read_errors(path) == Errors(50.0, 3, 6, 1, 1, 1, 3)


def test_a_word_may_hold_the_separator():
    reference, hypothesis, counts, columns = parse_alignment(
        "A ; B ;   C  ", "  =   ;   D  ", "A ; B ; <eps>"
    )
    assert (reference, hypothesis) == (("A ; B", "C"), ("A ; B",))
    assert (counts.words, counts.deletions) == (2, 1)
    assert columns == (("=", "A ; B", "A ; B"), ("D", "C", ""))


def test_columns_are_the_alignment(path):
    """In order, a word of each text in each column, or of one of them."""
    for name, (reference, hypothesis) in UTTERANCES.items():
        operations, said, heard = zip(*read_utterances(path)[name].columns, strict=True)
        assert [word for word in said if word] == reference.split()
        assert [word for word in heard if word] == hypothesis.split()
        for operation, *words in zip(operations, said, heard, strict=True):
            kinds = {"=": words[0] == words[1], "I": not words[0], "D": not words[1]}
            assert kinds.get(operation, words[0] != words[1])


def test_trailing_spaces_may_be_lost(path):
    whole = read_utterances(path)
    lines = path.read_text().split("\n")
    path.write_text("\n".join(line.rstrip(" ") for line in lines))
    assert read_utterances(path) == whole


def test_an_empty_hypothesis_of_one_empty_word_is_read(tmp_path):
    utterances = {"1-1-0": (["YES"], [""]), "1-1-1": (["NO"], ["NO"])}
    read = read_utterances(write_wer(tmp_path / "wer_test.txt", utterances))
    assert read["1-1-0"].hypothesis == ("",)
    assert read["1-1-0"].counts.substitutions == 1


def test_every_way_of_cutting_a_file_short_is_refused(path):
    text = path.read_text()
    for length in range(len(text)):
        path.write_text(text[:length])
        with pytest.raises(ValueError, match=re.escape(str(path))):
            read_utterances(path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "1-1-1, %WER 33.33 [ 1 / 3, 0 ins, 1 del, 0 sub ]",
            "1-1-1, %WER 66.67 [ 2 / 3, 0 ins, 1 del, 1 sub ]",
            r"utterance 1-1-1: its alignment has \[ 1 / 3, 0 ins, 1 del, 0 sub \], the "
            r"line of counts \[ 2 / 3, 0 ins, 1 del, 1 sub \]",
        ),
        ("[ 3 / 6, 1 ins", "[ 4 / 6, 2 ins", r"\[ 3 / 6, .* first lines say 3, \[ 4"),
        ("Scored 3", "Scored 4", "holds 3 utterances .* say 4"),
        ("2-1-0,", "1-1-1,", "holds 2 utterances of one id each"),
        ("2-1-0, %WER", "2-1-0 %WER", "holds 2 utterances"),
        ("YES\n = \nYES", "YES\n X \nYES", r"2-1-0: its alignment has \[ 1 / 1"),
        ("YES\n = \nYES", "YES\n = ", "holds 2 utterances"),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(path, old, new, message):
    edit(path, old, new)
    with pytest.raises(ValueError, match=message):
        read_utterances(path)


def test_files_of_another_kind_are_refused(tmp_path):
    log = tmp_path / "train_log.txt"
    log.write_text("epoch: 1, lr: 1e-4\n")
    with pytest.raises(ValueError, match=r"begins with 'epoch: 1.*expected the lines"):
        read_utterances(log)
    picture = tmp_path / "figure.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(ValueError, match=r"figure\.png is not text in UTF-8"):
        read_utterances(picture)


def test_a_file_of_characters_is_refused(tmp_path):
    path = write_wer(tmp_path / "cer_test.txt", UTTERANCES, split_tokens=True)
    with pytest.raises(ValueError, match="holds characters, expected words"):
        read_utterances(path)
