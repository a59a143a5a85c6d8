"""What a trained model learned to do with pitch, as a table."""

from speechbrain_pitchrope.nnet import rotary, similarity
from speechbrain_pitchrope.nnet.attention import PitchRoPEMHA

HEADER = "layer  head  max |a|     beta       mu  sigma (oct)  max |rho|  attention"

STATISTICS = (
    "pitch rate",
    "pitch weight",
    "pitch voiced",
    "pitch bandwidth",
    "pitch slope",
)
"""What the log of a training calls |a|, |beta|, |mu|, sigma in octaves and |rho|."""


def learned_pitch(model):
    """Table of every attention layer's and head's learned rates, weights and radii.

    Arguments
    ---------
    model : torch.nn.Module
        A model with ``PitchRoPEMHA`` layers, such as a ``PitchTransformerASR``.

    Returns
    -------
    str
        One line a head: the largest clock rate |a| over its rotary pairs (at most
        0.67), the bias weights beta and mu (logits), the bandwidth sigma (octaves), and
        the largest radius slope |rho|; "-" where an enhancement is off.

    Raises
    ------
    ValueError
        If the model has no ``PitchRoPEMHA``.

    Example
    -------
    >>> print(learned_pitch(PitchRoPEMHA(8, 2, radius="none")))
    layer  head  max |a|     beta       mu  sigma (oct)  max |rho|  attention
        0     0    0.000    0.000    0.000        0.750          -
        0     1    0.000    0.000    0.000        0.750          -
    """
    layers = _pitch_layers(model)
    lines = [
        f"{layer:5}  {head:4}  {'  '.join(map(_cell, cells, _WIDTHS))}  {name}".rstrip()
        for layer, (name, net) in enumerate(layers)
        for head, cells in enumerate(zip(*_by_head(net), strict=True))
    ]
    return "\n".join([HEADER, *lines])


def pitch_statistics(model):
    """The means of what ``learned_pitch`` tables, for a log of how they grow.

    Arguments
    ---------
    model : torch.nn.Module
        A model with ``PitchRoPEMHA`` layers.

    Returns
    -------
    dict
        The names of ``STATISTICS`` to the mean, over all layers and heads, of the
        magnitude of what the table holds. What is off in all of them is left out.

    Raises
    ------
    ValueError
        If the model has no ``PitchRoPEMHA``.

    Example
    -------
    >>> pitch_statistics(PitchRoPEMHA(8, 2, theta="none", radius="none"))
    {'pitch weight': 0.0, 'pitch voiced': 0.0, 'pitch bandwidth': 0.75}
    """
    columns = zip(*(_by_head(net) for _, net in _pitch_layers(model)), strict=True)
    statistics = {}
    for name, layers in zip(STATISTICS, columns, strict=True):
        magnitudes = [abs(x) for heads in layers for x in heads if x is not None]
        if magnitudes:
            statistics[name] = sum(magnitudes) / len(magnitudes)
    return statistics


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


def _by_head(net):
    """Each quantity of one layer, one value a head, None where it is off."""
    blank = [None] * net.num_heads
    rate = weight = voiced = width = slope = blank
    if net.theta != "none":
        rate = rotary.bounded_rate(net.theta_rate).abs().amax(1).tolist()
    if net.similarity != "none":
        weight = net.similarity_weight.tolist()
        voiced = net.similarity_voiced.tolist()
    if net.similarity == "gaussian":
        width = similarity.bandwidth(net.similarity_bandwidth).tolist()
    if net.radius != "none":
        slope = net.radius_slope.abs().amax((1, 2)).tolist()
    return rate, weight, voiced, width, slope


_WIDTHS = (7, 7, 7, 11, 9)


def _cell(value, width):
    return f"{'-' if value is None else format(value, '.3f'):>{width}}"
