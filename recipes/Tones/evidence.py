"""Write the results in docs/evidence.md, and its figures, from the texts of the runs.

    python evidence.py [--texts texts] [--page ../../docs/evidence.md]
    python evidence.py --bias RUN RECORDING

``texts/CORPUS/VARIANT/SEED`` holds the ``ref_`` and ``hyp_`` files of a run, of dev and
of test. Everything behind the heading "What came of it" is written anew, from the runs
that are there, and the figures stand beside the page. ``--bias`` draws one more, of the
head whose bias has the largest odd part in a trained model.
"""

import argparse
from pathlib import Path

import evidence_figures as figures
import numpy as np
from evidence_runs import (
    TRIALS,
    Corpus,
    compare_all,
    compare_toned,
    with_one_tone,
    without_sounds,
)

from speechbrain_pitchrope.controls import CONTROLS
from speechbrain_pitchrope.figures.style import Frames, save_figure
from speechbrain_pitchrope.files import write_whole
from speechbrain_pitchrope.scoring.significance import error_rate
from speechbrain_pitchrope.scoring.tones import confusion_matrix

HEADING = "## What came of it\n"
BIAS = "evidence_bias.png"
SHOWN_BIAS = f"""![One head's bias, its even and its odd part]({BIAS})

*The bias of one head on an utterance of the test, from query to key. Its odd part makes
it asymmetric: this head weighs keys by whether their pitch is higher or lower than the
query's.*"""
FORMS = (
    *("rope", "theta", "similarity", "radius", "all", "input", "all_input"),
    *("phase", "gaussian", "phase_gaussian", "even_cosines", "odd_cosines"),
)


def folds(name):
    """The folders of a corpus in three folds."""
    return [f"{name}-{fold}" for fold in (1, 2, 3)]


CORPORA = {
    "cmn": ("Mandarin", ["cmn"]),
    "yue": ("Cantonese", ["yue"]),
    "tp": ("Mandarin syllables of real voices", folds("tp")),
    "tp_tones": ("Tones of real voices, whatever the sounds", folds("tp")),
    "tp_contours": ("What the contours of real voices tell", folds("tp_contours")),
    "transfer_tones": ("The same, after synthetic Mandarin", folds("transfer")),
    "tp8": ("An eighth of them to train with", folds("tp8")),
    "tp8_tones": ("Tones of an eighth", folds("tp8")),
    "en": ("Three hours of English", ["en"]),
    "mb": ("Mboshi, the split of the corpus", ["mb"]),
    "mb-unseen": ("Mboshi, an unseen speaker", ["mb-unseen"]),
    "cmn_scratch": ("Mandarin, from scratch", ["cmn_scratch"]),
    "cmn_before": ("Before: Mandarin", ["cmn_before"]),
    "yue_before": ("Before: Cantonese", ["yue_before"]),
    "tp_before_tones": ("Before: tones of real voices", folds("tp_before")),
    "tp_scratch_before": ("Before: fold 1 from scratch", ["tp_scratch-1"]),
    "cmn_scratch_before": ("Before: Mandarin, from scratch", ["cmn_scratch_before"]),
    "cmn_8_epochs_before": (
        "Before: Mandarin, from scratch, 8 epochs",
        ["cmn_8_epochs"],
    ),
}
"""Name to title and folders of texts, one for each fold."""

UNITS = {
    **{name: without_sounds for name in CORPORA if name.endswith("_tones")},
    "en": with_one_tone,
}
"""What is counted, where it is not what the texts hold."""

UNIT_NAMES = {
    **{name: "tones" for name in CORPORA if name.endswith(("_tones", "_contours"))},
    **{"mb": "characters", "mb-unseen": "characters", "en": "words"},
}

PARTS = {"cmn-8": 8, "cmn-4": 4, "cmn-2": 2, "cmn_scratch": 1}


def table(header, rows):
    """A table in Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines) + "\n"


def percent(values):
    """Error rates in percent, one decimal."""
    return ", ".join(f"{value:.1f}" for value in values)


def listed(corpus):
    """The variants that have been run, controls behind their forms, others last."""
    names = [
        name for form in FORMS for name in (form, *(f"{form}+{c}" for c in CONTROLS))
    ]
    others = sorted(corpus.runs.keys() - {*names})
    return [*(name for name in names if name in corpus.runs), *others]


def glance_table(corpora):
    """One line a corpus: with and without pitch, and where it enters."""
    rows = []
    for name, corpus in corpora.items():
        runs = corpus.shared("rope", "all")
        if not runs or "before" in name:
            continue
        pair = [corpus.mean(v, names=runs) for v in ("rope", "all")]
        found = compare_toned(*pair)
        rates = [f"{found.rate_a:.1f}", f"{found.rate_b:.1f}"]
        for variant in ("all+shuffled_f0", "input", "all_input"):
            there = corpus.shared(variant)
            rate = f"{corpus.intervals[variant][0]:.1f}" if there else "-"
            rates.append(rate + " *" * bool(there and there != runs))
        gain = f"{found.difference:+.1f} ({found.low:+.1f} to {found.high:+.1f})"
        rows.append((CORPORA[name][0], *rates, gain))
    names = ("`rope`", "`all`", "its shuffled control", "`input`", "`all_input`")
    return table(["wrong (%)", *names, "`all` less `rope`"], rows)


def forms_table(name, corpus):
    """Errors of every variant, its runs and the interval of its mean."""
    measures = [] if name.endswith(("_tones", "_contours")) else ["base", "tone"]
    rows = []
    for variant in listed(corpus):
        mean, rates = corpus.means[variant], corpus.rates(variant)
        rate, low, high = corpus.intervals[variant]
        against = ""
        if variant != "rope" and (runs := corpus.shared(variant, "rope")):
            of_rope, own = (
                np.mean([corpus.rates(v)[run] for run in runs])
                for v in ("rope", variant)
            )
            against = f"{100 * (own / of_rope - 1):+.0f} %"
        rows.append(
            (
                f"`{variant}`",
                f"**{rate:.1f}** ({low:.1f} to {high:.1f})",
                ", ".join(
                    f"{rates[run]:.1f}" if run in rates else "-" for run in corpus.names
                ),
                against,
                *(f"{error_rate(*mean.measures[m]):.1f}" for m in measures),
                f"{error_rate(*corpus.mean(variant, 'dev').measures['toned']):.1f}",
            )
        )
    columns = ["without tone", "tone alone"][: len(measures)]
    return table(
        ["variant", "wrong (%)", "each run", "of `rope`", *columns, "dev"], rows
    )


def tests_table(tests):
    """Comparisons, over utterances and over runs."""
    rows = []
    for test in tests:
        found = test.comparison
        relative = 100 * found.difference / max(found.rate_a, 1e-9)
        rows.append(
            (
                test.hypothesis,
                f"`{test.better}` less `{test.worse}`",
                f"{found.difference:+.1f} ({found.low:+.1f} to {found.high:+.1f})",
                f"{relative:+.0f} %",
                p_value(test.p_holm),
                f"{test.fewer} of {len(test.runs)}",
                p_value(test.p_runs) if len(test.runs) > 1 else "-",
            )
        )
    header = ["", "compared", "points (95 % interval)", "relative", "p, corrected"]
    return table([*header, "fewer in", "p of runs"], rows)


def p_value(p):
    """A p-value as it is printed."""
    return "< 0.0001" if p < 1e-4 else f"{p:.4f}"


def noise(corpus):
    """A sentence on what a seed alone changes."""
    if "rope" not in corpus.runs or not (pairs := corpus.seeds_compared()):
        return ""
    found = ", ".join(f"{x.difference:+.1f} (p = {p_value(x.p)})" for x in pairs)
    return f"One seed of `rope` less another: {found.replace('= <', '<')}."


def voices_table(corpus, variants):
    """Error rates of each test voice."""
    rates = {}
    for variant in variants:
        mean = corpus.means[variant]
        voice_of = np.array([name.split("-")[0] for name in mean.ids])
        rates[variant] = {
            voice: error_rate(mean.errors[of_voice], mean.units[of_voice])
            for voice in np.unique(voice_of)
            for of_voice in [voice_of == voice]
        }
    voices = sorted(set().union(*rates.values()))
    rows = [
        (f"`{variant}`", *(f"{by[x]:.1f}" if x in by else "" for x in voices))
        for variant, by in rates.items()
    ]
    return table(["variant", *(f"voice {voice}" for voice in voices)], rows)


def read_curves(texts):
    """{variant: {part: error rates of its runs}} of the learning curves."""
    corpora = {part: Corpus(texts / name) for name, part in PARTS.items()}
    return {
        variant: {part: [*x.rates(variant).values()] for part, x in corpora.items()}
        for variant in ("rope", "all", "all_input")
    }


def curves_table(curves):
    """Error rates over the share of the training speech."""
    rows = []
    for variant, points in curves.items():
        cells = [
            f"**{np.mean(rates):.1f}** ({percent(rates)})" if rates else "not run"
            for rates in points.values()
        ]
        rows.append((f"`{variant}`", *cells))
    shares = [f"1/{n} of the speech" if n > 1 else "all" for n in PARTS.values()]
    return table(["variant", *shares], rows)


def hours(texts, part):
    """Hours of the training speech, or of one part in ``part``, by SPEAKERS.TXT."""
    text = (texts / "cmn_scratch" / "SPEAKERS.TXT").read_text(encoding="utf-8")
    rows = [line.split("|") for line in text.splitlines() if line[0] != ";"]
    minutes = sum(float(row[3]) for row in rows if row[2].strip().startswith("train"))
    return minutes / 60 / part


def draw_corpus(name, corpus, folder):
    """Draw the errors and the confusions of a corpus; lines that show them."""
    if "rope" not in corpus.runs:
        return []
    language = CORPORA[name][0]
    systems = []
    for variant in listed(corpus):
        rate, low, high = corpus.intervals[variant]
        system = {"name": variant, "rate": rate, "low": low, "high": high}
        system |= {"seeds": [*corpus.rates(variant).values()]}
        systems.append(system | {"control": "+" in variant})
    title = f"{language}; dots are runs, lines 95 % intervals"
    units = UNIT_NAMES.get(name, "toned syllables")
    figure = figures.errors_figure(systems, f"{units} wrong (%)", title)
    save_figure(figure, folder / f"evidence_errors_{name}.png")
    lines = [f"![Errors in {language}](evidence_errors_{name}.png)"]
    if {"rope", "all"} <= corpus.runs.keys() and name not in UNITS:
        pair = {v: corpus.means[v].confusions for v in ("rope", "all")}
        tones, _ = confusion_matrix(pair["rope"] + pair["all"])
        matrices = {v: confusion_matrix(x, tones)[1] for v, x in pair.items()}
        title = f"{language}: tones of syllables that are right otherwise"
        names = [tone or "none" for tone in tones]
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
        rows = [(hours(texts, part), rates) for part, rates in points.items() if rates]
        if len(rows) > 1:
            drawn[variant] = rows
    if not drawn:
        return []
    figure = figures.learning_curves_figure(drawn, "toned syllables wrong (%)")
    save_figure(figure, folder / "evidence_curves.png")
    return ["![Errors over hours of training speech](evidence_curves.png)"]


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


def results(texts, folder):
    """The text of everything behind the heading; its figures go to a folder."""
    corpora = {
        name: Corpus(*(texts / x for x in parts), units=UNITS.get(name, dict))
        for name, (_, parts) in CORPORA.items()
    }
    corpora = {name: corpus for name, corpus in corpora.items() if corpus.runs}
    if not corpora:
        raise SystemExit(
            f"found no finished run in {texts}: expected CORPUS/VARIANT/SEED"
        )
    parts = [f"### At a glance\n\n{glance_table(corpora)}"]
    for name, corpus in corpora.items():
        count = sum(map(len, corpus.runs.values()))
        test = max(corpus.means.values(), key=lambda mean: len(mean.ids))
        size = f"{test.units.sum():,.0f} {UNIT_NAMES.get(name, 'syllables')}"
        parts.append(
            f"### {CORPORA[name][0]}\n\n{count} runs; {len(test.ids):,} utterances of "
            f"{size} in the test.\n\n{forms_table(name, corpus)}"
        )
        if tests := compare_all(corpus):
            parts.append(f"{noise(corpus)}\n\n{tests_table(tests)}".lstrip())
        if trials := compare_all(corpus, TRIALS, "dev"):
            parts.append(f"What was tried, judged on dev:\n\n{tests_table(trials)}")
        if name.endswith(("_before", "_before_tones")):
            continue
        if forms := [form for form in FORMS if form in corpus.runs]:
            parts.append(f"By voice:\n\n{voices_table(corpus, forms)}")
        parts += draw_corpus(name, corpus, folder)
    curves = read_curves(texts)
    if any(x for points in curves.values() for n, x in points.items() if n > 1):
        parts.append(f"### How much speech is pitch worth?\n\n{curves_table(curves)}")
        parts += draw_curves(curves, texts, folder)
    if (folder / BIAS).is_file():
        parts.append(f"### Inside one head\n\n{SHOWN_BIAS}")
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


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
    before = "# Toned syllables, without and with pitch\n\n"
    if args.page.is_file():
        before = args.page.read_text(encoding="utf-8").partition(HEADING)[0]
    text = f"{before}{HEADING}\n{results(args.texts, folder)}"
    write_whole(args.page, text.encode())


if __name__ == "__main__":
    main()
