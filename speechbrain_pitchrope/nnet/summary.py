"""What a trained model learned to do with pitch, as a table."""

from collections.abc import Callable
from typing import NamedTuple

from speechbrain_pitchrope.nnet import similarity
from speechbrain_pitchrope.nnet.attention import PitchRoPEMHA


class Quantity(NamedTuple):
    """What one column of the table shows of each head of a layer."""

    column: str
    statistic: str
    of_heads: Callable


def _of_parameter(name, reduce):
    """A function of a layer: a value for each head, None if it lacks the parameter."""

    def of_heads(net):
        return reduce(net) if getattr(net, name, None) is not None else None

    return of_heads


QUANTITIES = (
    Quantity(
        *("max |c|", "pitch offset"),
        _of_parameter("theta_offset", lambda net: net.rate().abs().amax(1)),
    ),
    Quantity(
        *("max |a|", "pitch rate"),
        _of_parameter("theta_rate", lambda net: net.rate().abs().amax(1)),
    ),
    Quantity(
        *("max |A|", "pitch even"),
        _of_parameter("similarity_even", lambda net: net.similarity_even.abs().amax(1)),
    ),
    Quantity(
        *("max |B|", "pitch odd"),
        _of_parameter("similarity_odd", lambda net: net.similarity_odd.abs().amax(1)),
    ),
    Quantity(
        *("beta", "pitch weight"),
        _of_parameter("similarity_weight", lambda net: net.similarity_weight),
    ),
    Quantity(
        *("mu", "pitch voiced"),
        _of_parameter("similarity_voiced", lambda net: net.similarity_voiced),
    ),
    Quantity(
        *("sigma (oct)", "pitch bandwidth"),
        _of_parameter(
            "similarity_bandwidth",
            lambda net: similarity.bandwidth(net.similarity_bandwidth),
        ),
    ),
    Quantity(
        *("max |rho|", "pitch slope"),
        _of_parameter("radius_slope", lambda net: net.radius_slope.abs().amax((1, 2))),
    ),
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
    >>> learned_table(PitchRoPEMHA(8, 1, theta="none", similarity="none"))
    (['layer', 'head', 'max |rho|', 'attention'], [[0, 0, 0.0, '']])
    """
    layers = _pitch_layers(model)
    by_layer = [
        [
            None if values is None else values.tolist()
            for values in (quantity.of_heads(net) for quantity in QUANTITIES)
        ]
        for _, net in layers
    ]
    present = [i for i in range(len(QUANTITIES)) if any(cells[i] for cells in by_layer)]
    rows = [
        [
            *(layer, head),
            *(cells[i] and cells[i][head] for i in present),
            name,
        ]
        for layer, ((name, net), cells) in enumerate(zip(layers, by_layer, strict=True))
        for head in range(net.num_heads)
    ]
    names = [QUANTITIES[i].column for i in present]
    return ["layer", "head", *names, "attention"], rows


def learned_pitch(model):
    """``learned_table`` as text, to be written beside a trained model.

    Arguments
    ---------
    model : torch.nn.Module
        A model with ``PitchRoPEMHA`` layers.

    Returns
    -------
    str
        One line a head; "-" where an enhancement is off.

    Example
    -------
    >>> print(learned_pitch(PitchRoPEMHA(8, 2, similarity="none")))
    layer  head  max |c|  max |rho|  attention
        0     0    0.000      0.000
        0     1    0.000      0.000
    """
    columns, rows = learned_table(model)
    table = [columns, *([_cell(value) for value in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    widths[-1] = 0
    lines = [
        "  ".join(f"{cell:>{n}}" for cell, n in zip(row, widths, strict=True))
        for row in table
    ]
    return "\n".join(line.rstrip() for line in lines)


def pitch_statistics(model):
    """The means of what ``learned_table`` holds, for a log of how they grow.

    Arguments
    ---------
    model : torch.nn.Module
        A model with ``PitchRoPEMHA`` layers.

    Returns
    -------
    dict
        Statistics of ``QUANTITIES`` to the mean, over all layers and heads, of the
        magnitude of what the table holds. What is off in all of them is left out.

    Example
    -------
    >>> pitch_statistics(PitchRoPEMHA(8, 2, theta="none", radius="none"))
    {'pitch even': 0.0, 'pitch odd': 0.0, 'pitch voiced': 0.0}
    """
    columns, rows = learned_table(model)
    statistics = {quantity.column: quantity.statistic for quantity in QUANTITIES}
    means = {}
    for column, values in zip(columns, zip(*rows, strict=True), strict=True):
        if column in statistics:
            magnitudes = [abs(value) for value in values if value is not None]
            means[statistics[column]] = sum(magnitudes) / len(magnitudes)
    return means


def _pitch_layers(model):
    """Name and module of every pitch-aware attention layer, in order."""
    layers = [
        (name, net)
        for name, net in model.named_modules()
        if isinstance(net, PitchRoPEMHA)
    ]
    if not layers:
        raise ValueError(
            f"{type(model).__name__} has no PitchRoPEMHA: give a model with "
            "pitch-aware attention"
        )
    return layers


def _cell(value):
    if isinstance(value, float):
        return f"{value:.3f}"
    return "-" if value is None else str(value)
