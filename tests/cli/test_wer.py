"""Reading the error rates that SpeechBrain wrote."""

import pytest

from speechbrain_pitchrope.cli import main
from tests.scoring.files import write_wer

UTTERANCES = {
    "1-1-0": ("THE BOAT", "THE BOW IT"),
    "1-1-1": ("A SMALL BOX", "SMALL BOX"),
}


def test_command_prints_a_line_a_split(tmp_path, capsys, refused):
    write_wer(tmp_path / "cer_test-clean.txt", UTTERANCES, split_tokens=True)
    for name in ("wer_test-clean.txt", "wer_test-other.txt", "any name.txt"):
        file = write_wer(tmp_path / name, UTTERANCES)
    assert main(["wer", str(tmp_path), str(file)]) == 0
    header, clean, *others = capsys.readouterr().out.splitlines()
    assert header.split()[0] == "WER"
    assert float(clean.split()[1]) == pytest.approx(100 * 5 / 19, abs=0.01)
    assert clean.split()[2:7] == [*"11152"]
    assert clean.endswith("wer_test-clean.txt")
    for line in others:
        assert line.split()[:2] == ["60.00", "-"]
    assert "counts characters" in refused("wer", f"{tmp_path}/cer_test-clean.txt")


def test_tones_come_with_their_confusions(tmp_path, capsys):
    (tmp_path / "ref_test.txt").write_text("1-1-0 MA3 BO1\n1-1-1 MA3\n1-1-2 ba\u0301")
    (tmp_path / "hyp_test.txt").write_text("1-1-0 MA3 LI1\n1-1-1 MA2\n1-1-2 ba\u0301")
    assert main(["wer", "--tones", str(tmp_path)]) == 0
    header, rates, _, _, said, *rows = capsys.readouterr().out.splitlines()
    assert header.split()[::2] == ["toned", "base", "tone", "units", "utterances"]
    assert rates.split()[:6] == ["50.00", "25.00", "50.00", "4", "2", "3"]
    assert said.split()[1:3] == ["2", "3"]
    assert [row.split() for row in rows] == [[*"311", "50.00"]]  # said
    (tmp_path / "hyp_test.txt").write_text("1-1-0\n1-1-1\n1-1-2")
    assert main(["wer", "--tones", str(tmp_path)]) == 0
    rates = capsys.readouterr().out.splitlines()[1].split()
    assert rates[:3] == ["100.00", "100.00", "-"]  # no syllable with a tone to judge
