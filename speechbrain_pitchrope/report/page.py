"""The page of a report: one file, nothing to fetch, readable without its script."""

from datetime import datetime

import speechbrain_pitchrope
from speechbrain_pitchrope.report import sections
from speechbrain_pitchrope.report.markup import element, text
from speechbrain_pitchrope.report.style import SCRIPT, STYLE

POLICY = (
    "default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'"
)
"""Nothing that is on the page may fetch anything."""

HEAD = """\
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<link rel="icon" href="data:,">
<style>{style}</style>
"""

CONTENTS = {
    "missing": "What is missing",
    "errors": "Error rates",
    "utterances": "Utterances",
    "training": "Training",
    "learned": "Learned of pitch",
    "settings": "Settings",
}


def page(facts, shown, course):
    """The whole page.

    Arguments
    ---------
    facts : speechbrain_pitchrope.report.facts.Facts
        The run.
    shown : list of speechbrain_pitchrope.report.figures.Shown
        Utterances with their figures.
    course : speechbrain_pitchrope.report.pictures.Picture or None
        The figure of the training.

    Returns
    -------
    str
        HTML.
    """
    faults = [*facts.missing, *(fault for one in shown for fault in one.faults)]
    parts = {
        "missing": sections.missing(faults),
        "errors": sections.error_rates(facts),
        "utterances": sections.utterances(facts, shown),
        "training": sections.training(facts, course),
        "learned": sections.learned(facts),
        "settings": sections.settings(facts),
    }
    links = (
        element("li", element("a", text(CONTENTS[name]), href=f"#{name}"))
        for name, part in parts.items()
        if part
    )
    title = f"{facts.name} (variant {facts.variant})"
    head = HEAD.format(policy=POLICY, title=text(title), style=STYLE)
    header = element(
        "header",
        element("p", text("Training run"), class_="over"),
        element("h1", text(facts.name)),
        element("p", text(f"Variant {facts.variant}{_switches(facts)}")),
        sections.summary(facts),
        element("nav", element("ul", *links), aria_label="Contents"),
    )
    body = element(
        "body",
        element("a", text("To the error rates"), href="#errors", class_="skip"),
        header,
        element("main", *parts.values()),
        element("footer", element("p", text(_made()))),
        element("script", SCRIPT),
    )
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n{head}</head>\n{body}\n</html>\n'
    )


def _switches(facts):
    """What attention does with pitch, in a few words."""
    if facts.run is None:
        return ""
    settings = (
        f"{name} {facts.run.pitch_attention.get(name, 'none')}"
        for name in ("theta", "similarity", "radius")
    )
    return f": {', '.join(settings)}"


def _made():
    now = datetime.now().astimezone()
    return (
        f"Made {now:%Y-%m-%d %H:%M %Z} by pitchrope report, of speechbrain_pitchrope "
        f"{speechbrain_pitchrope.__version__}. This file needs no other."
    )
