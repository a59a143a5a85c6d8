"""The parts of a report's page, each from what is known of a run to markup."""

from speechbrain_pitchrope.report.alignment import MEANINGS, alignment
from speechbrain_pitchrope.report.figures import SWITCHES, listens
from speechbrain_pitchrope.report.learned import parse_learned
from speechbrain_pitchrope.report.markup import (
    details,
    element,
    figure,
    paragraph,
    player,
    section,
    table,
    text,
)
from speechbrain_pitchrope.report.recordings import ranked
from speechbrain_pitchrope.runs.settings import HYPERPARAMS

WORST = 10
"""So many utterances of each split are aligned."""

ERRORS_HEADER = (
    *("split", "WER (%)", "CER (%)", "insertions", "deletions", "substitutions"),
    *("words", "utterances", "with errors"),
)

SETTINGS = (
    ("seed", "seed"),
    ("training splits", "train_splits"),
    ("validation splits", "dev_splits"),
    ("test splits", "test_splits"),
    ("corpus", "data_folder"),
    ("started from", "pretrained_model"),
    ("width of the model", "d_model"),
    ("attention heads", "nhead"),
    ("encoder layers", "num_encoder_layers"),
    ("decoder layers", "num_decoder_layers"),
    ("tokens", "output_neurons"),
    ("kind of tokens", "token_type"),
    ("weight of CTC", "ctc_weight"),
    ("epochs asked for", "number_of_epochs"),
    ("utterances per epoch", "samples_per_epoch"),
    ("peak learning rate", "lr_adam"),
    ("precision", "precision"),
    ("speeds (%)", "speeds"),
    ("beam of the test", "test_beam_size"),
    ("language model", "lm_file"),
)
"""What is tabled of the settings: (label, entry of hyperparams.yaml)."""


def summary(facts):
    """The run in a few numbers.

    Arguments
    ---------
    facts : speechbrain_pitchrope.report.facts.Facts
        The run.

    Returns
    -------
    str
    """
    tiles = []
    for split in facts.splits:
        tiles.append((f"WER, {split.name}", f"{split.wer.rate:.2f} %"))
        if split.cer:
            tiles.append((f"CER, {split.name}", f"{split.cer.rate:.2f} %"))
    if not facts.is_tested:
        tiles.append(("test", "not yet"))
    if facts.log:
        tiles.append(("epochs", f"{facts.log['epoch'][-1]:.0f}"))
    if "steps" in facts.log:
        tiles.append(("updates", f"{facts.log['steps'][-1]:,.0f}"))
    if facts.run:
        count = sum(p.numel() for p in facts.run.hparams["model"].parameters())
        tiles.append(("parameters", f"{count:,}"))
    return element(
        "dl",
        *(
            element("div", element("dt", text(name)), element("dd", text(value)))
            for name, value in tiles
        ),
        class_="tiles",
    )


def missing(faults):
    """What should be on the page and isn't; nothing if all is there."""
    if not faults:
        return ""
    items = (element("li", text(fault)) for fault in faults)
    return section("missing", "What is missing", element("ul", *items))


def error_rates(facts):
    """Tables of the tests, and their worst utterances aligned."""
    if not facts.is_tested:
        note = (
            "This run has not been tested yet: there is no wer_<split>.txt. train.py "
            "tests at its end; with --test_only it tests what there is."
        )
        return section("errors", "Error rates", paragraph(note))
    if not facts.splits:
        note = "The results of the test can't be read: see what is missing, above."
        return section("errors", "Error rates", paragraph(note))
    rows = [
        (
            split.name,
            f"{split.wer.rate:.2f}",
            f"{split.cer.rate:.2f}" if split.cer else "-",
            split.wer.insertions,
            split.wer.deletions,
            split.wer.substitutions,
            split.wer.words,
            split.wer.utterances,
            sum(u.counts.errors > 0 for u in split.utterances.values()),
        )
        for split in facts.splits
    ]
    content = [table("Errors of each test split, by words", ERRORS_HEADER, rows)]
    for split in facts.splits:
        content += _worst(split)
    return section("errors", "Error rates", *content)


def _worst(split):
    """The worst utterances of a split, aligned."""
    wrong = [x for x in ranked(split.utterances) if split.utterances[x].counts.errors]
    yield element("h3", text(f"The worst of {split.name}"))
    if not wrong:
        yield paragraph("Every utterance was recognised without an error.")
        return
    of_all = f"{len(wrong)} of {len(split.utterances)} utterances"
    shown = min(WORST, len(wrong))
    legend = ", ".join(f"{letter} {meaning}" for letter, meaning in MEANINGS.items())
    yield paragraph(
        f"{of_all} {'has' if len(wrong) == 1 else 'have'} errors"
        + (f"; these {shown} have the highest rates. " if shown < len(wrong) else ". ")
        + f"Above: what was said; below: what was recognised. {legend}."
    )
    items = (
        element("li", _scored(name, split.utterances[name])) for name in wrong[:WORST]
    )
    yield element("ol", *items, class_="worst")


def _scored(name, utterance):
    """An utterance's id, its errors and its alignment."""
    counts = utterance.counts
    words = f"{counts.words} word{'' if counts.words == 1 else 's'}"
    errors = f"{counts.errors} error{'' if counts.errors == 1 else 's'}"
    return element(
        "p", element("b", text(name)), text(f", {errors} in {words}"), class_="name"
    ) + alignment(utterance)


def utterances(facts, shown):
    """Recordings and figures of some utterances.

    Arguments
    ---------
    facts : speechbrain_pitchrope.report.facts.Facts
        The run.
    shown : list of speechbrain_pitchrope.report.figures.Shown
        The utterances.

    Returns
    -------
    str
    """
    if not shown:
        return ""
    how = (
        "Evenly spaced from the worst to the best of all that were tested."
        if facts.splits
        else "Evenly spaced over the test splits; their error rates are not known."
    )
    notes = [paragraph(how)]
    if facts.run:
        deaf = [name for name in SWITCHES if not listens(facts, name)]
        if deaf:
            notes.append(
                paragraph(
                    f"Without figures of {', '.join(deaf)}: there the attention of "
                    f"variant {facts.variant} does not listen to pitch, so that there "
                    "is nothing to see."
                )
            )
    return section("utterances", "Utterances", *notes, *map(_utterance, shown))


def _utterance(shown):
    """One utterance, with the player of its sound."""
    name, scored = shown.chosen.name, shown.chosen.scored
    content = [element("h3", text(f"{name}, of {shown.chosen.split}"))]
    if scored:
        content.append(alignment(scored))
    if shown.sound:
        content.append(player(shown.sound, name))
    content += [paragraph(fault, class_="fault") for fault in shown.faults]
    content += map(figure, shown.pictures)
    return element("article", *content)


def training(facts, picture):
    """The course of the training, as a figure and as numbers.

    Arguments
    ---------
    facts : speechbrain_pitchrope.report.facts.Facts
        The run.
    picture : speechbrain_pitchrope.report.pictures.Picture or None
        Its figure, if an epoch is finished.

    Returns
    -------
    str
    """
    if picture is None:
        return ""
    first = ("epoch", "steps", "lr", "train loss", "valid loss", "valid WER")
    names = [name for name in first if name in facts.log]
    names += [name for name in facts.log if name not in names]
    rows = [
        [f"{value:g}" for value in values]
        for values in zip(*(facts.log[name] for name in names), strict=True)
    ]
    numbers = table("Every epoch, as in train_log.txt", names, rows)
    return section(
        *("training", "Training", figure(picture), details("The numbers", numbers))
    )


def learned(facts):
    """What each head has learned to do with pitch."""
    if facts.learned is None:
        return ""
    found = parse_learned(facts.learned)
    columns = found.header[:-1]  # the last is a name within the code
    rows = [row[: len(columns)] for row in found.rows]
    if all(cell == "-" for row in rows for cell in row[2:]):
        note = f"Variant {facts.variant} has no parameters that listen to pitch."
        return section("learned", "Learned of pitch", paragraph(note))
    caption = (
        "Parameters of every attention head. All start at zero, but for sigma, which "
        "starts at 0.75 octaves"
    )
    meaning = (
        "|a|: how far pitch changes the rate of the head's clocks, at most 0.67. beta, "
        "mu: weight of likeness of pitch, and of both frames being voiced, in logits. "
        "sigma: within which distance pitch is alike. |rho|: how far pitch and "
        "loudness change the radius. A dash: off in this variant."
    )
    return section(
        "learned",
        "Learned of pitch",
        table(caption, columns, rows),
        paragraph(meaning),
    )


def settings(facts):
    """What the run was told."""
    rows = [("variant", facts.variant)]
    if facts.run:
        rows += [
            (f"attention: {switch}", value)
            for switch, value in facts.run.pitch_attention.items()
        ]
        averaged = ", ".join(map(str, facts.run.epochs))
        rows.append(("epochs averaged for the test", averaged))
    for label, key in SETTINGS:
        value = facts.settings.get(key)
        if isinstance(value, list):
            value = ", ".join(map(str, value))
        if value is not None:
            rows.append((label, value))
    yaml = (facts.folder / HYPERPARAMS).read_text(encoding="utf-8")
    return section(
        "settings",
        "Settings",
        table("The main settings of this run", ("setting", "value"), rows),
        details(
            f"All of {HYPERPARAMS}",
            element("pre", text(yaml), tabindex="0", aria_label=HYPERPARAMS),
        ),
    )
