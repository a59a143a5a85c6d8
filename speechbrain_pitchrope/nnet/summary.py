"""What a trained model learned to do with pitch, as a table.

The names of the quantities serve figures of logs, which need no torch, so nothing here
imports it before there is a model.
"""

from typing import NamedTuple

BIAS, WIDTH = "bias weight (logits)", "bandwidth sigma (oct.)"


class Quantity(NamedTuple):
    """Something learned: its column in the table, its name in a log, and its panel.

    ``start`` is its value in a new model.
    """

    column: str
    statistic: str
    panel: str
    parameter: str
    start: float = 0.0

    def of_heads(self, net):
        """A value for each head of a layer, None if it lacks the parameter."""
        if not hasattr(net, self.parameter):
            return None
        values = getattr(net, self.parameter)
        if self.parameter.startswith("theta"):
            values = net.rate()
        elif self.parameter == "similarity_bandwidth":
            from speechbrain_pitchrope.nnet.similarity import sigma

            values = sigma(values)
        if values.dim() > 1:
            values = values.flatten(1).abs().amax(1)
        return values.tolist()


QUANTITIES = (
    Quantity("max |c|", "pitch offset", "offset |c| (rad/oct.)", "theta_offset"),
    Quantity("max |a|", "pitch rate", "clock rate |a|", "theta_rate"),
    Quantity("max |A|", "pitch even", BIAS, "similarity_even"),
    Quantity("max |B|", "pitch odd", BIAS, "similarity_odd"),
    Quantity("beta", "pitch weight", BIAS, "similarity_weight"),
    Quantity("mu", "pitch voiced", BIAS, "similarity_voiced"),
    Quantity("sigma (oct)", "pitch bandwidth", WIDTH, "similarity_bandwidth", 0.75),
    Quantity("max |rho|", "pitch slope", "radius slope |rho|", "radius_slope"),
)
"""c is in radians an octave, a without unit, A, B, beta and mu in logits, sigma in
octaves, rho in log r; of several pairs or cosines the one of largest magnitude."""


def learned_table(model):
    """Every attention layer's and head's learned angles, bias and radii, as data.

    Returns the names of the columns ("layer", "head", those of ``QUANTITIES`` that some
    layer has, and "attention"), and a row for each head: two int, a float or None (not
    in this layer) for each quantity, and the name of the attention in the model. A
    model without ``PitchRoPEMHA`` is a ValueError.
    """
    from speechbrain_pitchrope.nnet.attention import PitchRoPEMHA

    layers = [(k, x) for k, x in model.named_modules() if isinstance(x, PitchRoPEMHA)]
    if not layers:
        raise ValueError(
            f"{type(model).__name__} has no PitchRoPEMHA: give a model with "
            "pitch-aware attention"
        )
    known = {name for _, net in layers for name, _ in net.named_parameters()}
    present = [quantity for quantity in QUANTITIES if quantity.parameter in known]
    rows = []
    for layer, (name, net) in enumerate(layers):
        nothing = [None] * net.num_heads
        values = [quantity.of_heads(net) or nothing for quantity in present]
        for head in range(net.num_heads):
            rows.append([layer, head, *(column[head] for column in values), name])
    names = [quantity.column for quantity in present]
    return ["layer", "head", *names, "attention"], rows


def learned_pitch(model):
    """``learned_table`` as text: a line a head, "-" where an enhancement is off.

    Example
    -------
    >>> from speechbrain_pitchrope.nnet.attention import PitchRoPEMHA
    >>> print(learned_pitch(PitchRoPEMHA(8, 2, similarity="none")))
    layer  head  max |c|  max |rho|  attention
        0     0    0.000      0.000
        0     1    0.000      0.000
    """
    columns, rows = learned_table(model)
    table = [list(map(_cell, row)) for row in (columns, *rows)]
    *widths, _ = (max(map(len, cells)) for cells in zip(*table, strict=True))
    for row in table:
        row[:-1] = map(str.rjust, row[:-1], widths)
    return "\n".join("  ".join(row).rstrip() for row in table)


def _cell(value):
    if isinstance(value, float):
        return f"{value:.3f}"
    return "-" if value is None else str(value)


def pitch_statistics(model):
    """How far a model has moved, for a log: a dict of statistics of ``QUANTITIES``.

    Each is the mean over layers and heads of the magnitude of what ``learned_table``
    holds. What is off in all of them is left out.
    """
    columns, rows = learned_table(model)
    values_of = dict(zip(columns, zip(*rows, strict=True), strict=True))
    means = {}
    for quantity in QUANTITIES:
        values = [abs(x) for x in values_of.get(quantity.column, ()) if x is not None]
        if values:
            means[quantity.statistic] = sum(values) / len(values)
    return means
