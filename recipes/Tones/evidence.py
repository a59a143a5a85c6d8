"""Write the results in docs/evidence.md, and its figures, from the texts of the runs.

    python evidence.py [--texts texts] [--page ../../docs/evidence.md]
    python evidence.py --bias RUN RECORDING

``texts/CORPUS/VARIANT/SEED`` holds the ``ref_`` and ``hyp_`` files of a run, of dev and
of test, or the errors that ``counts.py`` found in them. Everything behind the heading
"What came of it" is written anew, from the runs that are there, and the figures stand
beside the page. Runs of an earlier revision stand on a page beside it,
evidence_before.md. ``--bias`` draws one more figure, of the head whose bias has the
largest odd part in a trained model.
"""

import argparse
from pathlib import Path

import evidence_figures as figures
import evidence_tables as tables
from evidence_runs import (
    FORMS,
    PARTS,
    TRIALS,
    Corpus,
    compare_all,
    listed,
    without_sounds,
)

from speechbrain_pitchrope.figures.style import Frames, save_figure
from speechbrain_pitchrope.files import write_whole
from speechbrain_pitchrope.scoring.tones import confusion_matrix

HEADING = "## What came of it\n"
FEWER = "*: not of the same runs as `all`, so not to be compared with it here."
JUDGED = ("cmn", "yue", "cmn_again", "yue_again", "tp_tones", "tp8_tones")
JUDGED += ("transfer_tones", "mb", "mb-unseen")
VERDICTS = """By how much errors differ, in how many runs they are fewer, and p over
utterances, corrected for the tests of a corpus. H7 is asked of the learning curves. H8
is H1 and H2 on real voices after synthetic Mandarin."""
BIAS = "evidence_bias.png"
AGAIN = "transfer_again_tones"  # a part of another corpus
SHOWN_BIAS = f"""![One head's bias, its even and its odd part]({BIAS})

*The bias of one head of a model with `all` on an utterance of the test, from query to
key. Of the model's heads it has the largest odd part, which makes the bias asymmetric:
a key counts for more or less by whether its pitch is higher or lower than the query's.
Its even part, by how far the two are apart, is larger still.*"""

BEFORE = f"""# Results of an earlier revision

Here the cosines had k = 2, 4.5, 9, where no other is named, and Mandarin and the
isolated syllables of real voices the pitch tracker of before; Mboshi is from starts
that are lost ([when and why](evidence_plan.md)). Runs of Cantonese without cosines
stand on both pages, as nothing changed for them. The tables are read as those of the
[evidence](evidence.md#how-to-read-the-tables).

`theta+constant_f0` and `theta+voicing_only` have c u = 0, so both compute what `rope`
computes, and differ from its runs by rounding alone: that is the chance of training.

{HEADING}
"""


def folds(name):
    """The folders of a corpus in three folds."""
    return [f"{name}-{fold}" for fold in (1, 2, 3)]


CORPORA = {
    "cmn": ("Mandarin", ["cmn"]),
    "yue": ("Cantonese", ["yue"]),
    "cmn_again": ("Mandarin, from a second start", ["cmn_again"]),
    "yue_again": ("Cantonese, from a second start", ["yue_again"]),
    "tp": ("Mandarin syllables of real voices", folds("tp")),
    "tp_tones": ("Tones of real voices, whatever the sounds", folds("tp")),
    "tp_contours": ("What the contours of real voices tell", folds("tp_contours")),
    "tp8": ("Syllables of real voices, an eighth to train", folds("tp8")),
    "tp8_tones": ("Tones of real voices, an eighth to train", folds("tp8")),
    "transfer_tones": (
        "Tones of real voices, after synthetic Mandarin",
        folds("transfer") + folds("transfer_again"),
    ),
    AGAIN: (
        "Of these, the runs from other trainings on Mandarin",
        folds("transfer_again"),
    ),
    "en": ("Three hours of English", ["en"]),
    "mb": ("Mboshi, the split of the corpus", ["mb"]),
    "mb-unseen": ("Mboshi, an unseen speaker", ["mb-unseen"]),
    "cmn_scratch": ("Mandarin, from scratch", ["cmn_scratch"]),
    "cmn_before": ("Mandarin", ["cmn_before"]),
    "yue_before": ("Cantonese", ["yue_before"]),
    "tp_before_tones": ("Tones of real voices", folds("tp_before")),
    "mb_before": ("Mboshi, the split of the corpus", ["mb_before"]),
    "mb-unseen_before": ("Mboshi, an unseen speaker", ["mb-unseen_before"]),
    "tp_scratch_before": ("Fold 1 from scratch", ["tp_scratch-1"]),
    "cmn_scratch_before": ("Mandarin, from scratch", ["cmn_scratch_before"]),
    "cmn_8_epochs_before": ("Mandarin, from scratch, 8 epochs", ["cmn_8_epochs"]),
}
"""Name to title and folders of texts, one for each fold."""

SECOND = """The start was [trained again](evidence_plan.md); runs are compared with
those of the same start alone. The controls of `all` are run from the first start."""
NOTES = {
    "cmn_again": SECOND,
    "yue_again": SECOND,
    "tp_tones": """The same runs, counted otherwise: the tone of an isolated syllable is
right or wrong, whatever its sounds.""",
    "tp_before_tones": """Behind an underscore stands what was changed in a
[trial](evidence_plan.md#why-real-voices-do-not-follow-2026-11-28-before-these-runs).""",
    "tp_contours": """No networks: support vector machines that are given the contour
of a syllable. That is u at twelve points (`shape`), the utterance's level (`register`)
or that of all the speaker's syllables (`speaker_level`), and, with `all`, voicing,
prominence and duration, which also stand without f0 (`no_f0`) and without register.""",
    "tp8": """Trained with every eighth syllable, for as many updates; each fold has a
start of its own, trained in the same way. The test is that of all.""",
    "tp8_tones": "The same runs, counted as the tones above.",
    "transfer_tones": """Each variant starts from its own training on Mandarin: runs
with seeds 1 and 2 share one, seeds 3 and 4 have one each. So p over runs treats as
independent some runs that share a training.""",
    "cmn_scratch": "Each run starts from nothing, so that seeds differ more.",
}
"""What is to be known of a corpus' tables."""

UNITS = {name: without_sounds for name in CORPORA if name.endswith("_tones")}
"""What is counted, where it is not what the texts hold."""

UNIT_NAMES = {
    **{name: "tones" for name in CORPORA if name.endswith(("_tones", "_contours"))},
    **{name: "characters" for name in CORPORA if name.startswith("mb")},
    "en": "words",
}

TONE_NAMES = {"": "none", "\u0301": "accent"}
"""What a tone is called in a figure, where its sign does not do."""


def alone(name):
    """Whether tones alone, or words, are counted: then nothing is to be told apart."""
    return name == "en" or name.endswith(("_tones", "_contours"))


def curves_section(texts, folder):
    """What is said of the learning curves, if there is more than their last point."""
    corpora = {part: Corpus(texts / name) for name, part in PARTS.items()}
    if not any(x.runs for part, x in corpora.items() if part > 1):
        return []
    curves = {
        variant: {part: [*x.rates(variant).values()] for part, x in corpora.items()}
        for variant in ("rope", "all", "all_input")
    }
    return [
        "### How much speech is pitch worth?",
        tables.curves_table(curves),
        tables.worth_of_speech(corpora[2], corpora[1]),
        *draw_curves(curves, texts, folder),
    ]


def training_minutes(texts, part):
    """Minutes of training speech, or of one part in ``part``, by SPEAKERS.TXT."""
    text = (texts / "cmn_scratch" / "SPEAKERS.TXT").read_text(encoding="utf-8")
    rows = [line.split("|") for line in text.splitlines() if line[0] != ";"]
    minutes = sum(float(row[3]) for row in rows if row[2].strip().startswith("train"))
    return minutes / part


def draw_corpus(name, corpus, folder):
    """Draw the errors and the confusions of a corpus; lines that show them."""
    if "rope" not in corpus.runs:
        return []
    language = CORPORA[name][0]
    systems = []
    for variant in listed(corpus):
        rate, low, high = corpus.intervals[variant]
        runs = [*corpus.rates(variant).values()]
        some, all_runs = len(runs), len(corpus.names)
        label = f"{variant}, {some} of {all_runs} runs" if some < all_runs else variant
        system = {"name": label, "rate": rate, "low": low, "high": high}
        systems.append(system | {"seeds": runs, "control": "+" in variant})
    units = UNIT_NAMES.get(name, "toned syllables")
    label = f"{units} wrong (%)\ndots: runs, lines: 95 % over utterances"
    figure = figures.errors_figure(systems, label, language)
    save_figure(figure, folder / f"evidence_errors_{name}.png")
    lines = [f"![Errors in {language}](evidence_errors_{name}.png)"]
    if {"rope", "all"} <= corpus.runs.keys() and not alone(name):
        pair = {v: corpus.means[v].confusions for v in ("rope", "all")}
        tones, _ = confusion_matrix(pair["rope"] + pair["all"])
        matrices = {v: confusion_matrix(x, tones)[1] for v, x in pair.items()}
        title = f"{language}: tones where the rest is right"
        names = [TONE_NAMES.get(tone, tone) for tone in tones]
        figure = figures.confusions_figure(matrices, names, title)
        save_figure(figure, folder / f"evidence_tones_{name}.png")
        lines.append(
            f"![Confusions of tones in {language} without and with pitch]"
            f"(evidence_tones_{name}.png)"
        )
    return lines


def draw_curves(curves, texts, folder):
    """Draw what the curves suffice for; lines that show it."""
    drawn = {}
    for variant, points in curves.items():
        rows = [(training_minutes(texts, n), x) for n, x in points.items() if x]
        if len(rows) > 1:
            drawn[variant] = rows
    if not drawn:
        return []
    figure = figures.learning_curves_figure(drawn, "toned syllables wrong (%)")
    save_figure(figure, folder / "evidence_curves.png")
    return ["![Errors over minutes of training speech](evidence_curves.png)"]


def draw_bias(run, recording, path):
    """Draw the similarity bias of the head whose odd part is the largest."""
    from speechbrain_pitchrope.figures.drawing import trained_head
    from speechbrain_pitchrope.nnet.summary import learned_table
    from speechbrain_pitchrope.report.figures import strongest_head
    from speechbrain_pitchrope.runs.trained import load_trained

    trained = load_trained(run)
    learned = learned_table(trained.hparams["model"])
    layer, number, _ = strongest_head(learned, ("max |B|",))
    head = trained_head(trained, recording, layer, number, ("similarity",))
    bias = head.kernels()[2].numpy()
    recording = Path(recording)
    name, chapter = recording.stem, recording.stem.rpartition("-")[0]
    lines = recording.with_name(f"{chapter}.trans.txt").read_text(encoding="utf-8")
    words = dict(line.split(maxsplit=1) for line in lines.splitlines())[name]
    title = f"{words} ({name}), {head.name}"
    figure = figures.bias_figure(bias, head.f0_hz, Frames(head.frame_shift), title)
    save_figure(figure, path)


def section(name, corpus, folder):
    """What is said of a corpus; its figures go to a folder, where one is given."""
    count = sum(map(len, corpus.runs.values()))
    test = max(corpus.means.values(), key=lambda mean: len(mean.ids))
    measures = [] if alone(name) else tables.MEASURES
    size = f"{test.units.sum():,.0f} {UNIT_NAMES.get(name, 'syllables')}"
    parts = [
        f"### {CORPORA[name][0]}",
        NOTES.get(name, ""),
        f"{count} runs; {len(test.ids):,} utterances of {size} in the test.",
        tables.forms_table(corpus, measures),
    ]
    if tests := compare_all(corpus):
        parts += [tables.noise(corpus), tables.tests_table(tests)]
    if trials := compare_all(corpus, TRIALS, "dev"):
        parts += ["What was tried, judged on dev:", tables.tests_table(trials)]
    if folder:
        if forms := [form for form in FORMS if form in corpus.runs]:
            parts += ["By voice:", tables.voices_table(corpus, forms)]
        parts += draw_corpus(name, corpus, folder)
    return parts


def results(corpora, texts, folder):
    """The text of everything behind the heading; its figures go to a folder."""
    titles = {name: title for name, (title, _) in CORPORA.items()}
    whole = {name: corpus for name, corpus in corpora.items() if name != AGAIN}
    glance = tables.glance_table(whole, titles)
    parts = ["### At a glance", glance, FEWER if " *" in glance else ""]
    judged = {name: compare_all(corpora[name]) for name in JUDGED if name in corpora}
    if judged:
        table = tables.verdicts_table(judged, titles)
        parts += ["### Every hypothesis", VERDICTS, table]
    for name, corpus in corpora.items():
        parts += section(name, corpus, None if name == AGAIN else folder)
    parts += curves_section(texts, folder)
    if (folder / BIAS).is_file():
        parts += ["### Inside one head", SHOWN_BIAS]
    return parts


def write_page(path, before, parts):
    """Write parts, one paragraph each, behind what stands before them."""
    text = "\n\n".join(part.rstrip("\n") for part in parts if part)
    write_whole(path, f"{before}{text}\n".encode())


def main():
    """Write the page."""
    here = Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--texts", type=Path, default=here / "texts")
    page = here.parents[1] / "docs" / "evidence.md"
    parser.add_argument("--page", type=Path, default=page)
    parser.add_argument("--bias", nargs=2, metavar=("RUN", "RECORDING"))
    args = parser.parse_args()
    folder = args.page.parent
    if args.bias:
        draw_bias(*args.bias, folder / BIAS)
        return
    corpora = {
        name: Corpus(*(args.texts / x for x in parts), units=UNITS.get(name, dict))
        for name, (_, parts) in CORPORA.items()
    }
    corpora = {name: corpus for name, corpus in corpora.items() if corpus.runs}
    if not corpora:
        raise SystemExit(
            f"found no finished run in {args.texts}: expected CORPUS/VARIANT/SEED"
        )
    old = {name: corpora.pop(name) for name in list(corpora) if "_before" in name}
    before = "# Toned syllables, without and with pitch\n\n"
    if args.page.is_file():
        before = args.page.read_text(encoding="utf-8").partition(HEADING)[0]
    write_page(args.page, f"{before}{HEADING}\n", results(corpora, args.texts, folder))
    if old:
        parts = [part for name in old for part in section(name, old[name], None)]
        write_page(folder / "evidence_before.md", BEFORE, parts)


if __name__ == "__main__":
    main()
