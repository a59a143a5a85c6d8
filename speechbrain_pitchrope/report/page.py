"""A run's results as data for the page, and the page."""

from datetime import datetime
from pathlib import Path

import jinja2

import speechbrain_pitchrope
from speechbrain_pitchrope.report import figures
from speechbrain_pitchrope.runs.run import HYPERPARAMS

SETTINGS = (
    "seed train_splits dev_splits test_splits data_folder pretrained_model d_model "
    "nhead num_encoder_layers num_decoder_layers output_neurons token_type ctc_weight "
    "number_of_epochs samples_per_epoch lr_adam precision speeds test_beam_size lm_file"
).split()
"""Entries of hyperparams.yaml that are tabled."""

TEMPLATE = jinja2.Environment(
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=jinja2.StrictUndefined,
).from_string(Path(__file__).with_name("report.html.j2").read_text(encoding="utf-8"))


def page(facts, chosen, data_folder=None):
    """The whole page as HTML, and a list of what should be on it and isn't."""
    run, model, shown, missing = facts.run, facts.model, [], [*facts.missing]
    for one in chosen:
        sound, pictures, faults = figures.show(facts, one, data_folder)
        shown.append(one._asdict() | {"sound": sound, "pictures": pictures})
        shown[-1]["faults"] = faults
        missing += faults
    columns, rows = facts.learned or ([], [])
    html = TEMPLATE.render(
        facts=facts,
        name="/".join(run.folder.parts[-2:]).lstrip("/"),
        switches=_switches(model),
        n_parameters=sum(p.numel() for p in model.modules.parameters()) if model else 0,
        missing=missing,
        shown=shown,
        not_drawn=figures.not_drawn(facts),
        course=figures.draw_training(facts.log) if facts.log else None,
        log_rows=list(zip(*facts.log.values(), strict=True)),
        learned_columns=columns[:-1],
        learned_rows=[row[:-1] for row in rows],  # without names of the code
        settings=_settings(facts),
        yaml=(run.folder / HYPERPARAMS).read_text(encoding="utf-8"),
        made=f"{datetime.now().astimezone():%Y-%m-%d %H:%M %Z}",
        version=speechbrain_pitchrope.__version__,
    )
    return html, missing


def _switches(model):
    """{switch: value} of the variant, as far as the model is known."""
    if model is None:
        return {}
    return {name: getattr(model.attention[0], name) for name in figures.LISTENING}


def _settings(facts):
    """{label: value} of the table of settings."""
    run, model = facts.run, facts.model
    table = {"variant": run.variant}
    table |= {f"attention: {key}": value for key, value in _switches(model).items()}
    if model:
        table["epochs averaged for the test"] = ", ".join(map(str, model.epochs))
    for name in SETTINGS:
        value = run.settings.get(name)
        if value is not None:
            table[name] = ", ".join(value) if isinstance(value, list) else value
    return table
