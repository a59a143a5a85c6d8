"""Reading the error rates that SpeechBrain wrote."""

from speechbrain.utils.metric_stats import ErrorRateStats

from speechbrain_pitchrope.cli import main

REFS = [["THE", "BOAT"], ["A", "SMALL", "BOX"]]
HYPS = [["THE", "BOW", "IT"], ["SMALL", "BOX"]]


def write(path, **options):
    stats = ErrorRateStats(**options)
    stats.append(["1-1-0", "1-1-1"], HYPS, REFS)
    with open(path, "w") as file:
        stats.write_stats(file)


def test_command_prints_a_line_a_split(tmp_path, capsys):
    write(tmp_path / "wer_test-clean.txt")
    write(tmp_path / "cer_test-clean.txt", split_tokens=True)
    write(tmp_path / "wer_test-other.txt")
    assert main(["wer", str(tmp_path)]) == 0
    header, clean, other = capsys.readouterr().out.splitlines()
    assert header.split()[0] == "WER"
    assert clean.split()[0] == "60.00" and clean.split()[1] != "-"
    assert other.split()[:2] == ["60.00", "-"]
    assert clean.endswith("wer_test-clean.txt")


def test_a_folder_without_results_is_named(tmp_path, capsys):
    assert main(["wer", str(tmp_path)]) == 1
    assert "holds no wer_<split>.txt" in capsys.readouterr().err


def test_files_may_be_given(tmp_path, capsys):
    write(tmp_path / "any name.txt")
    assert main(["wer", str(tmp_path / "any name.txt")]) == 0
    assert capsys.readouterr().out.splitlines()[1].split()[:2] == ["60.00", "-"]


def test_tones_come_with_their_confusions(tmp_path, capsys):
    (tmp_path / "ref_test.txt").write_text("1-1-0 MA3 BO1\n1-1-1 MA3\n")
    (tmp_path / "hyp_test.txt").write_text("1-1-0 MA3 LI1\n1-1-1 MA2\n")
    assert main(["wer", "--tones", str(tmp_path)]) == 0
    header, rates, _, _, said, *rows = capsys.readouterr().out.splitlines()
    assert header.split()[::2] == ["toned", "base", "tone", "units", "utterances"]
    assert rates.split()[:6] == ["66.67", "33.33", "50.00", "3", "2", "2"]
    assert said.split()[1:3] == ["2", "3"]
    assert [row.split() for row in rows] == [[*"311", "50.00"]]  # said
