"""``pitchrope compare``, from error files to tables."""

import subprocess
import sys
from pathlib import Path

import pytest
from hyperpyyaml import load_hyperpyyaml
from speechbrain.utils.metric_stats import ErrorRateStats

from speechbrain_pitchrope.cli import main
from speechbrain_pitchrope.scoring.significance import compare_rates
from speechbrain_pitchrope.scoring.tones import compare_tones, tone_errors
from tests.scoring.files import random_utterances, write_wer

REFERENCES = random_utterances(0)


@pytest.fixture
def first(tmp_path):
    return str(write_wer(tmp_path / "wer_a.txt", REFERENCES))


@pytest.fixture
def second(tmp_path):
    better = {
        name: (reference, hypothesis if number % 3 else reference)
        for number, (name, (reference, hypothesis)) in enumerate(REFERENCES.items())
    }
    return str(write_wer(tmp_path / "wer_b.txt", better))


def tables(capsys, *arguments):
    """The printed tables, each a list of lines."""
    assert main(["compare", *arguments]) == 0
    return [part.splitlines() for part in capsys.readouterr().out.split("\n\n")]


def summary(utterances, **options):
    stats = ErrorRateStats(**options)
    references, hypotheses = zip(*utterances.values(), strict=True)
    stats.append(list(utterances), list(hypotheses), list(references))
    return stats.summarize()


def test_rates_are_those_of_speechbrain(first, second, capsys):
    systems, _ = tables(capsys, first, second)
    words = summary(REFERENCES)
    characters = summary(REFERENCES, split_tokens=True)
    assert systems[1].split() == [
        "1",
        f"{words['WER']:.2f}",
        f"{characters['WER']:.2f}",
        str(words["insertions"]),
        str(words["deletions"]),
        str(words["substitutions"]),
        str(words["num_scored_tokens"]),
        "40",
        first,
    ]


def test_the_pair_is_printed_with_its_statistics(tmp_path, capsys):
    said = {"1-1-0": "A B", "1-1-1": "C D", "1-1-2": "C D"}
    heard = {"1-1-0": "A B", "1-1-1": "X X", "1-1-2": "C X"}
    worse = {name: (said[name], heard[name]) for name in said}
    perfect = {name: (said[name], said[name]) for name in said}
    one = write_wer(tmp_path / "1.txt", worse)
    two = write_wer(tmp_path / "2.txt", perfect)
    _, pairs = tables(capsys, str(one), str(two), "--seed", "5", "--resamples", "200")
    pair = compare_rates([0, 2, 1], [0, 0, 0], [2, 2, 2], resamples=200, seed=5)
    cells = pairs[-1].replace("[", " ").replace("]", " ").replace(",", " ").split()
    assert cells == [
        *["2", "vs", "1", "WER", "-50.00", f"{pair.low:+.2f}", f"{pair.high:+.2f}"],
        *["-100.00", f"{pair.probability_of_improvement:.4f}"],
        *[f"{pair.t:+.2f}", f"{pair.p:.4f}"],
    ]
    assert any("200 paired resamples of 3 utterances, seed 5" in line for line in pairs)


def test_a_system_against_itself(first, capsys):
    _, pairs = tables(capsys, first, first)
    assert pairs[-1].split()[4] == "+0.00"
    assert pairs[-1].split()[-3:] == ["0.5000", "+0.00", "1.0000"]


def test_without_errors_there_is_no_relative_difference(tmp_path, capsys):
    perfect = {name: (said, said) for name, (said, _) in REFERENCES.items()}
    path = str(write_wer(tmp_path / "wer_c.txt", perfect))
    _, pairs = tables(capsys, path, path)
    assert pairs[-1].split()[-4] == "-"


def test_seeds_of_one_system_are_pooled(first, second, capsys):
    systems, _ = tables(capsys, first, second, f"{first},{second}")
    one, other, pooled = ([float(x) for x in line.split()[1:8]] for line in systems[1:])
    means = [(a + b) / 2 for a, b in zip(one, other, strict=True)]
    assert pooled == pytest.approx(means, abs=0.05)
    assert systems[3].endswith(f"{first},{second}")


def test_several_systems_come_with_a_caution(first, second, capsys):
    caution = "The p values are not corrected for their number."
    assert caution not in tables(capsys, first, second)[1]
    _, pairs = tables(capsys, first, second, second)
    assert caution in pairs
    assert pairs[-1].split()[3:] == pairs[-2].split()[3:]


def test_speakers_are_scored_apart(first, second, tmp_path, capsys):
    *_, speakers = tables(capsys, first, second, "--by-speaker")
    assert [line.split()[0] for line in speakers] == ["speaker", "84", "2428"]
    own = {name: pair for name, pair in REFERENCES.items() if name.startswith("84-")}
    scored = summary(own)
    assert speakers[1].split()[1:4] == [
        "20",
        str(scored["num_scored_tokens"]),
        f"{scored['WER']:.2f}",
    ]


def test_a_speaker_of_one_utterance_has_no_interval(tmp_path, capsys):
    said = {"1-1-0": ("A B", "A"), "1-1-1": ("A B", "A"), "2-1-0": ("A B", "A")}
    path = str(write_wer(tmp_path / "wer_test.txt", said))
    *_, speakers = tables(capsys, path, path, "--by-speaker")
    assert "[" in speakers[1]
    assert speakers[2].split()[-1] == "-"


def test_registers_gather_speakers_by_pitch(first, second, tmp_path, capsys):
    f0 = tmp_path / "f0.csv"
    f0.write_text("speaker,f0_hz\n84,205\n2428,110\n7,150\n")
    *_, registers, speakers = tables(
        capsys, first, second, "--f0", str(f0), "--by-speaker"
    )
    assert [line[:12] for line in registers[1:]] == ["below 130 Hz", "above 180 Hz"]
    assert registers[1][12:] == speakers[2][12:]
    assert registers[2][12:] == speakers[1][12:]


def test_speakers_without_f0_are_named(first, second, tmp_path, capsys):
    f0 = tmp_path / "f0.csv"
    f0.write_text("speaker,f0_hz\n84,205\n")
    assert main(["compare", first, second, "--f0", str(f0)]) == 1
    assert (
        "speakers 2428 of the test set have no f0_hz, expected"
        in capsys.readouterr().err
    )


def test_refused_files_end_with_a_message(first, tmp_path, capsys):
    other = write_wer(tmp_path / "wer_other.txt", {"9-9-9": ("A", "A")})
    assert main(["compare", first, str(other)]) == 1
    error = capsys.readouterr().err
    assert error.startswith("pitchrope compare: ")
    assert "score different utterances" in error and "9-9-9" in error


def test_one_system_alone_is_refused(first, capsys):
    with pytest.raises(SystemExit) as end:
        main(["compare", first])
    assert end.value.code == 2
    assert "TEST_B" in capsys.readouterr().err


def test_run_folders_may_stand_for_their_tests(first, second, tmp_path, capsys):
    by_file = tables(capsys, first, second)
    folders = []
    for path in map(Path, (first, second)):
        folders.append(tmp_path / path.stem)
        folders[-1].mkdir()
        path.rename(folders[-1] / "wer_test.txt")
    by_folder = tables(capsys, *map(str, folders))
    assert by_folder[1] == by_file[1]
    assert [x[:80] for x in by_folder[0]] == [x[:80] for x in by_file[0]]


def test_tones_are_compared_apart(tmp_path, capsys):
    said = {f"1-1-{i}": "MA3 BO1" for i in range(9)}
    refs = {name: text.split() for name, text in said.items()}
    heard = {"one": "MA3 BO2", "two": "MA3 LI1", "three": "MA3 BO1"}
    hyps = {
        system: {
            name: (text if i % 2 else "MA3 BO1").split() for i, name in enumerate(said)
        }
        for system, text in heard.items()
    }
    paths = [
        str(
            write_wer(
                tmp_path / f"{system}.txt",
                {name: (refs[name], texts[name]) for name in refs},
            )
        )
        for system, texts in hyps.items()
    ]
    systems, pairs = tables(capsys, *paths, "--tones", "--resamples", "200")
    assert [line.split()[1:4] for line in systems[1:]] == [
        ["22.22", "0.00", "22.22"],
        ["22.22", "22.22", "0.00"],
        ["0.00", "0.00", "0.00"],
    ]
    rows = [line.split("[")[0].split() for line in pairs[4:]]
    assert [(row[0], row[3]) for row in rows] == [
        (number, name) for number in "23" for name in ("toned", "base", "tone")
    ]
    expected = compare_tones(
        *(tone_errors(refs, hyps[name]) for name in ("one", "two")), 200, 0
    )
    for row, pair in zip(rows, expected.values(), strict=False):
        assert row[4] == f"{pair.difference:+.2f}"


def test_torch_is_not_loaded_and_no_yaml_is_executed(first, tmp_path):
    """What scores texts needs neither, and a stranger's folder may hold any yaml."""
    folder = tmp_path / "run"
    folder.mkdir()
    Path(first).rename(folder / "wer_test.txt")
    (folder / "train_log.txt").write_text("epoch: 1 - train loss: 2.5\n")
    mark = tmp_path / "executed"
    (folder / "hyperparams.yaml").write_text(f"x: !apply:os.mkdir [{mark}]\n")
    assert not load_hyperpyyaml((folder / "hyperparams.yaml").read_text())["x"]
    assert mark.is_dir()  # such a yaml does do it
    mark.rmdir()
    out = tmp_path / "training.png"
    for arguments in (
        ["wer", folder],
        ["compare", folder, folder],
        ["plot", "training", folder, "--out", out],
    ):
        code = (
            "import sys; from speechbrain_pitchrope.cli import main; "
            "assert main(sys.argv[1:]) == 0; assert 'torch' not in sys.modules"
        )
        subprocess.run([sys.executable, "-c", code, *map(str, arguments)], check=True)
    assert out.is_file() and not mark.exists()
