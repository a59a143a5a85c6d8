"""The tables of docs/evidence.md, in Markdown."""

import numpy as np
from evidence_runs import HYPOTHESES, PARTS, compare_toned, listed

from speechbrain_pitchrope.scoring.significance import error_rate

MEASURES = {"base": "without tone", "tone": "tones"}
"""Measures of ToneErrors beside the primary one, and their columns."""


def table(header, rows):
    """A table in Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines) + "\n"


def percent(values):
    """Error rates in percent, one decimal."""
    return ", ".join(f"{value:.1f}" for value in values)


def glance_table(corpora, titles):
    """One line a corpus: with and without pitch, and where it enters."""
    rows = []
    for name, corpus in corpora.items():
        runs = corpus.shared("rope", "all")
        if not runs:
            continue
        pair = [corpus.mean(v, names=runs) for v in ("rope", "all")]
        found = compare_toned(*pair)
        rates = [f"{found.rate_a:.1f}", f"{found.rate_b:.1f}"]
        for variant in ("all+shuffled_f0", "input", "all_input"):
            there = corpus.shared(variant)
            rate = f"{corpus.intervals[variant][0]:.1f}" if there else "-"
            rates.append(rate + " *" * bool(there and there != runs))
        gain = f"{found.difference:+.1f} ({found.low:+.1f} to {found.high:+.1f})"
        better = np.less(*([*map(corpus.rates(v).get, runs)] for v in ("all", "rope")))
        rows.append((titles[name], *rates, gain, f"{better.sum()} of {len(runs)}"))
    names = ("`rope`", "`all`", "its shuffled control", "`input`", "`all_input`")
    return table(["wrong (%)", *names, "`all` minus `rope`", "fewer in"], rows)


def verdicts_table(tests, titles):
    """A line for each hypothesis, a column for each corpus."""
    found = {
        (name, test.hypothesis, test.better, test.worse): test
        for name, of_corpus in tests.items()
        for test in of_corpus
    }
    rows = []
    for asked, better, worse in HYPOTHESES:
        keys = [(name, asked, better, worse) for name in tests]
        if asked[0] == "H" and not found.keys().isdisjoint(keys):
            compared = f"`{better}` minus `{worse}`"
            rows.append((asked, compared, *(verdict(found.get(key)) for key in keys)))
    return table(["", "compared", *(titles[name] for name in tests)], rows)


def verdict(test):
    """A comparison in a few words."""
    if test is None:
        return "-"
    sure = f"p {p_value(test.p_holm)}"
    return f"{relative(test)}, {test.fewer} of {len(test.runs)}, {sure}"


def relative(test):
    """The difference of a comparison in percent of the second rate."""
    found = test.comparison
    return f"{100 * found.difference / max(found.rate_a, 1e-9):+.0f} %"


def forms_table(corpus, measures):
    """Errors of every variant, its runs and the interval of its mean."""
    rows = []
    for variant in listed(corpus):
        mean, rates = corpus.means[variant], corpus.rates(variant)
        rate, low, high = corpus.intervals[variant]
        against = ""
        if variant != "rope" and (runs := corpus.shared(variant, "rope")):
            of_rope, own = (
                error_rate(*corpus.mean(v, names=runs).measures["toned"])
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
    each = f"run {', '.join(corpus.names)}"
    columns = [each, "minus `rope`", *(MEASURES[m] for m in measures), "dev"]
    return table(["variant", "wrong (%)", *columns], rows)


def tests_table(tests):
    """Comparisons, over utterances and over runs."""
    rows = []
    for test in tests:
        found = test.comparison
        rows.append(
            (
                test.hypothesis,
                f"`{test.better}` minus `{test.worse}`",
                f"{found.difference:+.1f} ({found.low:+.1f} to {found.high:+.1f})",
                relative(test),
                p_value(test.p_holm),
                f"{test.fewer} of {len(test.runs)}",
                p_value(test.p_runs) if len(test.runs) > 1 else "-",
            )
        )
    header = ["", "compared", "points (95 % interval)", "relative", "p, corrected"]
    return table([*header, "fewer in", "p over runs"], rows)


def p_value(p):
    """A p-value as it is printed."""
    return "< 0.0001" if p < 1e-4 else f"{p:.4f}"


def noise(corpus):
    """A sentence on what a seed alone changes."""
    if "rope" not in corpus.runs or not (pairs := corpus.seeds_compared()):
        return ""
    if len(pairs) > 3:
        low, *_, high = apart = sorted(abs(x.difference) for x in pairs)
        sure = sum(x.p < 0.05 for x in pairs)
        return (
            f"Two seeds of `rope` in one fold are {low:.1f} to {high:.1f} points "
            f"apart, {np.median(apart):.1f} in the median; {sure} of {len(pairs)} such "
            "pairs have p < 0.05."
        )
    found = ", ".join(f"{x.difference:+.1f} (p = {p_value(x.p)})" for x in pairs)
    return f"A later seed of `rope` minus an earlier one: {found.replace('= <', '<')}."


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


def worth_of_speech(half, whole):
    """What hypothesis H7 asks, of the corpora of two points of the curves."""
    names = sorted({*half.rates("all")} & {*whole.rates("rope")})
    if not names:
        return ""
    found = compare_toned(
        whole.mean("rope", names=names), half.mean("all", names=names)
    )
    seeds, p = ", ".join(names), p_value(found.p)
    return (
        f"H7: `all` on half of the speech minus `rope` on all of it, seeds {seeds}: "
        f"{found.difference:+.1f} points ({found.low:+.1f} to {found.high:+.1f}), "
        f"p {p} over utterances."
    )
