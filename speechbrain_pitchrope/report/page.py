"""A run's results as data for the page, and the page."""

from datetime import datetime
from pathlib import Path

import jinja2

import speechbrain_pitchrope
from speechbrain_pitchrope.report import figures
from speechbrain_pitchrope.report.recordings import ranked
from speechbrain_pitchrope.runs.run import HYPERPARAMS

WORST = 10
"""So many utterances of each split are aligned."""

ERRORS = {"S": "substituted", "D": "deleted", "I": "inserted"}

SETTINGS = {
    "seed": "seed",
    "training splits": "train_splits",
    "validation splits": "dev_splits",
    "test splits": "test_splits",
    "corpus": "data_folder",
    "started from": "pretrained_model",
    "width of the model": "d_model",
    "attention heads": "nhead",
    "encoder layers": "num_encoder_layers",
    "decoder layers": "num_decoder_layers",
    "tokens": "output_neurons",
    "kind of tokens": "token_type",
    "weight of CTC": "ctc_weight",
    "epochs asked for": "number_of_epochs",
    "utterances per epoch": "samples_per_epoch",
    "peak learning rate": "lr_adam",
    "precision": "precision",
    "speeds (%)": "speeds",
    "beam of the test": "test_beam_size",
    "language model": "lm_file",
}
"""What is tabled of hyperparams.yaml: label to entry."""

MEANING = {
    "max |c|": "|c|: how far an octave of pitch turns a rotary pair, in radians.",
    "max |a|": "|a|: how far pitch changes the speed of a rotary pair, at most 0.67.",
    "max |A|": "|A|: weight of pitch similarity, in logits.",
    "max |B|": "|B|: weight of pitch above or below the frame's own, in logits.",
    "beta": "beta: weight of pitch similarity, in logits.",
    "mu": "mu: weight of both frames being voiced, in logits.",
    "sigma (oct)": "sigma: the distance within which pitch is similar, in octaves.",
    "max |rho|": "|rho|: how far pitch and prominence change log r.",
}

TEMPLATE = jinja2.Environment(
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=jinja2.StrictUndefined,
).from_string(Path(__file__).with_name("report.html.j2").read_text(encoding="utf-8"))


def page(facts, chosen, recordings):
    """The whole page as HTML, and a list of what should be on it and isn't."""
    run, shown, missing = facts.run, [], [*facts.missing]
    for one in chosen:
        sound, pictures, faults = figures.show(facts, one, recordings)
        scored = one.scored and alignment(one.name, one.scored)
        shown.append(one._asdict() | {"utterance": scored, "sound": sound})
        shown[-1] |= {"pictures": pictures, "faults": faults}
        missing += faults
    log = {name: list(values) for name, values in facts.log.items()}
    html = TEMPLATE.render(
        name="/".join(run.folder.parts[-2:]).lstrip("/"),
        variant=run.variant,
        switches=_switches(facts, ("theta", "similarity", "radius")),
        tiles=_tiles(facts),
        missing=missing,
        tested=facts.is_tested,
        rates=[_rates(split) for split in facts.splits],
        splits=[_worst(split) for split in facts.splits],
        errors=ERRORS,
        shown=shown,
        not_drawn=figures.not_drawn(facts),
        course=figures.draw_training(facts.log) if log else None,
        log_header=list(log),
        log_rows=[
            [f"{value:g}" for value in row] for row in zip(*log.values(), strict=True)
        ],
        learned=facts.learned and _learned(*facts.learned),
        learned_text=facts.learned_text,
        settings=_settings(facts),
        yaml=(run.folder / HYPERPARAMS).read_text(encoding="utf-8"),
        made=f"{datetime.now().astimezone():%Y-%m-%d %H:%M %Z}",
        version=speechbrain_pitchrope.__version__,
    )
    return html, missing


def alignment(name, utterance):
    """An utterance under what was said, in columns and in words.

    Example
    -------
    >>> from speechbrain_pitchrope.scoring.wer_files import parse_alignment
    >>> lines = "A ; BOX ; <eps>", "= ;  S  ;   I  ", "A ; FOX ;  IS  "
    >>> alignment("1-1-0", parse_alignment(*lines))["text"]
    'Said: A BOX. Recognised: A FOX IS. Errors: BOX substituted by FOX, IS inserted.'
    """
    columns, errors = [], []
    for operation, said, heard in utterance.columns:
        kind = operation if operation in ERRORS else None
        columns.append({"error": kind, "said": said or "-", "heard": heard or "-"})
        if kind == "S":
            errors.append(f"{said} substituted by {heard}")
        elif kind:
            errors.append(f"{said or heard} {ERRORS[kind]}")
    text = (
        f"Said: {' '.join(utterance.reference) or 'nothing'}. "
        f"Recognised: {' '.join(utterance.hypothesis) or 'nothing'}. "
        f"Errors: {', '.join(errors) or 'none'}."
    )
    counts = {"n_errors": utterance.counts.errors, "n_words": utterance.counts.words}
    return {"name": name, "columns": columns, "text": text, **counts}


def _tiles(facts):
    """The run in a few numbers."""
    for split in facts.splits:
        yield f"WER, {split.name}", f"{split.wer.rate:.2f} %"
        if split.cer:
            yield f"CER, {split.name}", f"{split.cer.rate:.2f} %"
    if not facts.is_tested:
        yield "test", "not yet"
    for label, name in (("epochs", "epoch"), ("updates", "steps")):
        if name in facts.log:
            yield label, f"{facts.log[name][-1]:,.0f}"
    if facts.model:
        parameters = facts.model.modules.parameters()
        yield "parameters", f"{sum(each.numel() for each in parameters):,}"


def _rates(split):
    """A row of the table of error rates."""
    wer, cer = split.wer, f"{split.cer.rate:.2f}" if split.cer else "-"
    counts = (wer.insertions, wer.deletions, wer.substitutions, wer.words)
    wrong = sum(each.counts.errors > 0 for each in split.utterances.values())
    return split.name, f"{wer.rate:.2f}", cer, *counts, wer.utterances, wrong


def _worst(split):
    """The worst utterances of a split, aligned."""
    scored = split.utterances
    wrong = [name for name in ranked(scored) if scored[name].counts.errors]
    return {
        "name": split.name,
        "n_wrong": len(wrong),
        "n_all": len(scored),
        "worst": [alignment(name, scored[name]) for name in wrong[:WORST]],
    }


def _learned(header, rows):
    """The table of what each head has learned, without names within the code."""
    cells = [
        ["-" if x is None else f"{x:.3f}" if isinstance(x, float) else x for x in row]
        for row in rows
    ]
    return {
        "columns": header[:-1],
        "rows": [row[:-1] for row in cells],
        "meaning": [MEANING[name] for name in header if name in MEANING],
    }


def _switches(facts, names=None):
    """{switch: value} of the variant, as far as the model is known."""
    if facts.model is None:
        return {}
    return {name: getattr(facts.model.attention[0], name) for name in names}


def _settings(facts):
    """Rows of the table of settings."""
    run = facts.run
    yield "variant", run.variant
    for switch, value in _switches(facts, figures.LISTENING).items():
        yield f"attention: {switch}", value
    if facts.model:
        epochs = ", ".join(map(str, facts.model.epochs))
        yield "epochs averaged for the test", epochs
    for label, name in SETTINGS.items():
        value = run.settings.get(name)
        if value is not None:
            yield label, ", ".join(value) if isinstance(value, list) else value
