"""The counts in the first lines of an error file."""

import pytest

from speechbrain_pitchrope.scoring.summary import Errors, read_errors
from tests.cli.test_wer import write


def test_counts(tmp_path):
    write(tmp_path / "wer_test.txt")
    assert read_errors(tmp_path / "wer_test.txt") == Errors(60.0, 3, 5, 1, 1, 1, 2)


def test_a_file_cut_short_is_refused(tmp_path):
    path = tmp_path / "wer_test.txt"
    write(path)
    path.write_text(path.read_text()[:40])
    with pytest.raises(ValueError, match=r"wer_test\.txt begins with '%WER 60\.00"):
        read_errors(path)
