"""What a trained model learned to do with pitch, as a table."""

from speechbrain_pitchrope.nnet import rotary, similarity
from speechbrain_pitchrope.nnet.attention import PitchRoPEMHA

HEADER = "layer  head  max |a|     beta       mu  sigma (oct)  max |rho|  attention"


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
    lines = [
        f"{layer:5}  {head:4}  {row}  {name}".rstrip()
        for layer, (name, net) in enumerate(layers)
        for head, row in enumerate(_rows(net))
    ]
    return "\n".join([HEADER, *lines])


def _rows(net):
    """The cells of each head of one layer."""
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
    widths = (7, 7, 7, 11, 9)
    for cells in zip(rate, weight, voiced, width, slope, strict=True):
        yield "  ".join(map(_cell, cells, widths))


def _cell(value, width):
    return f"{'-' if value is None else format(value, '.3f'):>{width}}"
