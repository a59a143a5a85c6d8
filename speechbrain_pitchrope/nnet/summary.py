"""What a trained model learned to do with pitch, as a table.

The names of the quantities serve figures of logs, which need no torch, so that nothing
here imports it before there is a model.
"""

from collections.abc import Callable
from typing import NamedTuple

BIAS = "bias weight (logits)"


class Quantity(NamedTuple):
    """Something learned: its column in the table, its name in a log, and its panel.

    ``value`` makes it of a layer; if not given, it is the parameter itself. ``start``
    is a new model's.
    """

    column: str
    statistic: str
    panel: str
    parameter: str
    value: Callable | None = None
    start: float = 0.0

    def of_heads(self, net):
        """A value for each head of a layer, None if it lacks the parameter."""
        parameter = getattr(net, self.parameter, None)
        if parameter is None:
            return None
        values = self.value(net) if self.value else parameter
        if values.dim() > 1:
            values = values.flatten(1).abs().amax(1)
        return values.tolist()


def _rate(net):
    return net.rate()


def _sigma(net):
    from speechbrain_pitchrope.nnet.similarity import bandwidth

    return bandwidth(net.similarity_bandwidth)


QUANTITIES = (
    Quantity(
        *("max |c|", "pitch offset", "offset |c| (rad/oct.)"),
        *("theta_offset", _rate),
    ),
    Quantity(
        *("max |a|", "pitch rate", "clock rate |a|"),
        *("theta_rate", _rate),
    ),
    Quantity("max |A|", "pitch even", BIAS, "similarity_even"),
    Quantity("max |B|", "pitch odd", BIAS, "similarity_odd"),
    Quantity("beta", "pitch weight", BIAS, "similarity_weight"),
    Quantity("mu", "pitch voiced", BIAS, "similarity_voiced"),
    Quantity(
        *("sigma (oct)", "pitch bandwidth", "bandwidth sigma (oct.)"),
        *("similarity_bandwidth", _sigma, 0.75),
    ),
    Quantity("max |rho|", "pitch slope", "radius slope |rho|", "radius_slope"),
)
"""c is in radians an octave, a without unit, A, B, beta and mu in logits, sigma in
octaves, rho in log r; of several pairs or cosines the one of largest magnitude."""


def learned_table(model):
    """Every attention layer's and head's learned angles, bias and radii, as data.

    Arguments
    ---------
    model : torch.nn.Module
        A model with ``PitchRoPEMHA`` layers, such as a ``PitchTransformerASR``.

    Returns
    -------
    columns : list of str
        "layer", "head", those of ``QUANTITIES`` that some layer has, and "attention".
    rows : list of list
        One a head: two int, a float or None (not in this layer) for each quantity, and
        the name of the attention in the model.

    Raises
    ------
    ValueError
        If the model has no ``PitchRoPEMHA``.

    Example
    -------
    >>> from speechbrain_pitchrope.nnet.attention import PitchRoPEMHA
    >>> learned_table(PitchRoPEMHA(8, 1, theta="none", similarity="none"))
    (['layer', 'head', 'max |rho|', 'attention'], [[0, 0, 0.0, '']])
    """
    from speechbrain_pitchrope.nnet.attention import PitchRoPEMHA

    layers = {
        name: net
        for name, net in model.named_modules()
        if isinstance(net, PitchRoPEMHA)
    }
    if not layers:
        raise ValueError(
            f"{type(model).__name__} has no PitchRoPEMHA: give a model with "
            "pitch-aware attention"
        )
    rows = []
    for layer, (name, net) in enumerate(layers.items()):
        nothing = [None] * net.num_heads
        columns = [quantity.of_heads(net) or nothing for quantity in QUANTITIES]
        rows += [
            [layer, head, *values, name]
            for head, values in enumerate(zip(*columns, strict=True))
        ]
    names = [
        "layer",
        "head",
        *(quantity.column for quantity in QUANTITIES),
        "attention",
    ]
    present = [i for i in range(len(names)) if any(row[i] is not None for row in rows)]
    return [names[i] for i in present], [[row[i] for i in present] for row in rows]


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
    table = [columns, *(map(_cell, row) for row in rows)]
    *numbers, names = zip(*table, strict=True)
    for i, cells in enumerate(numbers):
        width = max(map(len, cells))
        numbers[i] = [cell.rjust(width) for cell in cells]
    lines = zip(*numbers, names, strict=True)
    return "\n".join("  ".join(line).rstrip() for line in lines)


def _cell(value):
    if isinstance(value, float):
        return f"{value:.3f}"
    return "-" if value is None else str(value)


def pitch_statistics(model):
    """How far a model has moved, for a log: a dict of statistics of ``QUANTITIES``.

    Each is the mean over layers and heads of the magnitude of what ``learned_table``
    holds. What is off in all of them is left out.

    Example
    -------
    >>> from speechbrain_pitchrope.nnet.attention import PitchRoPEMHA
    >>> pitch_statistics(PitchRoPEMHA(8, 2, theta="none", radius="none"))
    {'pitch even': 0.0, 'pitch odd': 0.0, 'pitch voiced': 0.0}
    """
    columns, rows = learned_table(model)
    values_of = dict(zip(columns, zip(*rows, strict=True), strict=True))
    means = {}
    for quantity in QUANTITIES:
        if quantity.column in values_of:
            values = [x for x in values_of[quantity.column] if x is not None]
            means[quantity.statistic] = sum(map(abs, values)) / len(values)
    return means
