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
