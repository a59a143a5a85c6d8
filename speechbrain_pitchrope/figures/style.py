"""What all figures share: colours that print and that the colour-blind tell apart."""

# Okabe and Ito, "Color universal design", 2008.
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#666666"
SEQUENCE = (BLUE, ORANGE, GREEN, "#CC79A7", "#E69F00", "#56B4E9")


def new_figure(n_rows, height_ratios=None, size=(8.0, 6.0)):
    """A Figure with rows that share the x axis, outside of pyplot's global state.

    Arguments
    ---------
    n_rows : int
        Number of panels.
    height_ratios : sequence of float, optional
        Relative heights of the panels.
    size : tuple
        Width and height in inches.

    Returns
    -------
    figure : matplotlib.figure.Figure
    axes : list of matplotlib.axes.Axes

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(
            "figures need matplotlib: pip install 'speechbrain_pitchrope[plots]'"
        ) from error
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(
        n_rows, 1, sharex=True, squeeze=False, height_ratios=height_ratios
    )
    return figure, list(axes[:, 0])
