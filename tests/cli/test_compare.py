"""``pitchrope compare``, from error files to tables."""

import subprocess
import sys

import pytest
from hyperpyyaml import load_hyperpyyaml

from speechbrain_pitchrope.cli import main
from speechbrain_pitchrope.scoring.significance import compare_rates
from tests.scoring.files import random_utterances, score, write_wer

REFERENCES = random_utterances(0)
BETTER = {
    name: (said, recognised if number % 3 else said)
    for number, (name, (said, recognised)) in enumerate(REFERENCES.items())
}


@pytest.fixture
def runs(tmp_path):
    for name, utterances in (("a", REFERENCES), ("b", BETTER)):
        (tmp_path / name).mkdir()
        write_wer(tmp_path / name / "wer_test.txt", utterances)
        write_wer(tmp_path / name / "cer_test.txt", utterances, split_tokens=True)
    return str(tmp_path / "a"), str(tmp_path / "b")


def tables(capsys, *arguments):
    """The rows of both tables, each a list of cells; words of a heading are apart."""
    assert main(["compare", *arguments]) == 0
    systems, pairs = capsys.readouterr().out.split("\n\n")
    signs = str.maketrans("[,]", "   ")
    pairs = [line.translate(signs).split() for line in pairs.splitlines()[4:]]
    return [line.split() for line in systems.splitlines()[1:]], pairs


def cells(pair):
    """What a pair is printed as."""
    relative = f"{100 * pair.difference / pair.rate_a:+.2f}"
    return [
        *(f"{pair.rate_a:.2f}", f"{pair.rate_b:.2f}", f"{pair.difference:+.2f}"),
        *(f"{pair.low:+.2f}", f"{pair.high:+.2f}", relative),
        *(f"{pair.probability_of_improvement:.4f}", f"{pair.t:+.2f}", f"{pair.p:.2g}"),
    ]


@pytest.mark.parametrize("kind", ["wer", "cer"])
def test_rates_and_pairs_are_those_of_the_files(kind, runs, capsys):
    first, second = (f"{run}/{kind}_test.txt" for run in runs)
    systems, pairs = tables(capsys, first, second, f"{first},{second}")
    errors = []
    for row, utterances in zip(systems, (REFERENCES, BETTER), strict=False):
        stats = score(utterances, split_tokens=kind == "cer")
        found = stats.summarize()
        words = str(found["num_scored_tokens"])
        assert row[1:-1] == [f"{found['WER']:.2f}", words, "40"]
        scored = sorted(stats.scores, key=lambda details: details["key"])
        errors.append([details["num_edits"] for details in scored])
    pair = compare_rates(*errors, [details["num_ref_tokens"] for details in scored])
    assert pairs[0] == ["2", "vs", "1", kind.upper(), *cells(pair)]
    mean = (pair.rate_a + pair.rate_b) / 2
    assert float(systems[2][1]) == pytest.approx(mean, abs=0.01)
    assert systems[2][-1] == f"{first},{second}"
    assert float(pairs[1][6]) == pytest.approx(pair.difference / 2, abs=0.01)


def test_without_errors_there_is_no_relative_difference(tmp_path, capsys):
    utterances = {"1-1-0": ("A", "A"), "1-1-1": ("B", "B")}
    path = str(write_wer(tmp_path / "wer_c.txt", utterances))
    _, ((*_, relative, _, _, p),) = tables(capsys, path, path)
    assert (relative, p) == ("+nan", "1")


def test_tones_are_compared_apart(tmp_path, capsys):
    """Errors of half of the utterances: in tone, in what bears it, none; all lost."""
    paths, right = [], "MA3 BO1"
    said = {"tone": [right, "MA3 BO2"], "base": [right, "MA3 LI1"], "none": [right]}
    for name, hyps in (said | {"lost": [""]}).items():
        folder = tmp_path / name
        folder.mkdir()
        for kind, texts in (("ref", [right]), ("hyp", hyps)):
            lines = [f"1-1-{i} {texts[i % len(texts)]}\n" for i in range(8)]
            (folder / f"{kind}_test.txt").write_text("".join(lines))
        paths.append(str(folder))
    systems, pairs = tables(capsys, *paths, "--tones")
    assert [row[1:5] for row in systems] == [
        ["25.00", "0.00", "25.00", "16"],
        ["25.00", "25.00", "0.00", "16"],
        ["0.00", "0.00", "0.00", "16"],
        ["100.00", "100.00", "-", "16"],
    ]
    assert pairs[-1] == ["4", "vs", "1", "tone", *"--------"]
    assert [(row[0], row[3], row[6]) for row in pairs] == [
        *(("2", "toned", "+0.00"), ("2", "base", "+25.00"), ("2", "tone", "-25.00")),
        *(("3", "toned", "-25.00"), ("3", "base", "+0.00"), ("3", "tone", "-25.00")),
        *(("4", "toned", "+75.00"), ("4", "base", "+100.00"), ("4", "tone", "-")),
    ]


def test_torch_is_not_loaded_and_no_yaml_is_executed(runs, tmp_path):
    """What scores texts needs neither, and a stranger's folder may hold any yaml."""
    folder, mark, out = tmp_path / "a", tmp_path / "executed", tmp_path / "training.png"
    (folder / "train_log.txt").write_text("epoch: 1 - train loss: 2.5\n")
    (folder / "hyperparams.yaml").write_text(f"x: !apply:os.mkdir [{mark}]\n")
    assert not load_hyperpyyaml((folder / "hyperparams.yaml").read_text())["x"]
    mark.rmdir()  # such a yaml does do it
    code = f"""
import sys
from speechbrain_pitchrope.cli import main
for command in (["wer"], ["compare", {runs[1]!r}], ["plot", "training"]):
    options = ["--out", {str(out)!r}] if "plot" in command else []
    assert main([*command, {str(folder)!r}, *options]) == 0
    assert "torch" not in sys.modules, command
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    assert out.is_file() and not mark.exists()
