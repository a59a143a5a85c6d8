"""From a recording, or the folder of a run, to each figure of ``pitchrope plot``."""

import json
from pathlib import Path

import torch

from speechbrain_pitchrope import inband
from speechbrain_pitchrope.cli.plots.hearing import require_voice
from speechbrain_pitchrope.cli.plots.maps import attention_maps, title_of
from speechbrain_pitchrope.dataio.audio import read_mono
from speechbrain_pitchrope.figures.attention import attention_figure
from speechbrain_pitchrope.figures.pitch import recording_figure
from speechbrain_pitchrope.figures.rotation import rotation_figure
from speechbrain_pitchrope.figures.similarity import similarity_figure
from speechbrain_pitchrope.figures.training import (
    read_train_log,
    run_names,
    training_figure,
)
from speechbrain_pitchrope.lobes.features import PitchFbank

SAMPLE_RATE = 16000

SHOWN_SECONDS = 8.0
"""So much of a recording is shown where more would be a blur, if no span is given."""

LONGEST_SECONDS = 600
"""What the figure of pitch, which has no span, can show."""

TRAIN_LOG = "train_log.txt"


def draw_pitch(path, compute_features=None):
    """The figure of one recording's pitch.

    Arguments
    ---------
    path : str
        The recording.
    compute_features : speechbrain_pitchrope.lobes.features.PitchFbank, optional
        A model's, for the f0 that the model gets; one for 16 kHz if not given.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If it can't be read, is too long to be seen, or has no voiced frame.
    """
    features = compute_features or PitchFbank(sample_rate=SAMPLE_RATE)
    rate = features.compute_STFT.sample_rate
    wav = read_mono(path, rate)
    if len(wav) > LONGEST_SECONDS * rate:
        raise ValueError(
            f"{path} lasts {len(wav) / rate:.0f} s, expected {LONGEST_SECONDS} s at "
            "most, beyond which nothing is to be seen: give a part of it"
        )
    with torch.no_grad():
        _, channels = inband.split(features(wav[None])[0])
    require_voice(channels, path)
    f0_hz, voicing = inband.f0_in_hz(channels), inband.unpack(channels).voicing
    return recording_figure(wav, rate, f0_hz, voicing, Path(path).name)


def draw_rotation(head, path, pairs=(0, 1, 2, 3), span=None):
    """The figure of a head's rotary pairs over one recording.

    Arguments
    ---------
    head : speechbrain_pitchrope.cli.plots.heads.Head
        The head, which has heard the recording.
    path : str
        The recording, for the title.
    pairs : sequence of int
        The rotary pairs to draw.
    span : tuple, optional
        First and last second to show; the first ``SHOWN_SECONDS`` if not given.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If there is no such pair, or the span is not within the recording.
    """
    standard, adapted = (rotation.numpy() for rotation in head.rotations())
    span, shown = shown_span(span, len(standard) * head.frame_shift)
    return rotation_figure(
        standard,
        adapted,
        head.f0_hz,
        head.frame_shift,
        pairs,
        head.notes(pairs),
        span,
        f"{Path(path).name}{shown}; {head.name}",
    )


def draw_similarity(head, path):
    """The figure of how positions see each other in one recording.

    Arguments
    ---------
    head : speechbrain_pitchrope.cli.plots.heads.Head
        The head, which has heard the recording.
    path : str
        The recording, for the title.

    Returns
    -------
    matplotlib.figure.Figure
    """
    return similarity_figure(
        *(kernel.numpy() for kernel in head.kernels()),
        head.f0_hz,
        head.frame_shift,
        f"{Path(path).name}; {head.name}",
    )


def draw_attention(run, path, layers=None, heads=None, span=None):
    """The figure of a trained model's attention over one recording.

    Arguments
    ---------
    run : speechbrain_pitchrope.runs.trained.TrainedRun
        The model.
    path : str
        The recording.
    layers, heads : sequence of int, optional
        As of ``speechbrain_pitchrope.cli.plots.maps.attention_maps``.
    span : tuple, optional
        First and last second to show; the first ``SHOWN_SECONDS`` if not given.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        As of ``attention_maps``, or if the span is not within the recording.
    """
    maps = attention_maps(run, path, layers, heads)
    duration = len(maps.heads[0].with_pitch) * maps.frame_shift
    span, shown = shown_span(span, duration)
    title = title_of(run, f"{path}{shown}", maps.text)
    return attention_figure(*maps[:-1], span=span, title=title)


def draw_training(folders):
    """The figure of one or more training runs.

    Arguments
    ---------
    folders : list of str
        Their output folders.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If a folder holds no log, or one that is no log, or no finished epoch.
    """
    names = map(_with_variant, run_names(folders), folders)
    return training_figure(
        {name: read_log(folder) for name, folder in zip(names, folders, strict=True)}
    )


def read_log(folder):
    """The log of a training run, as of ``read_train_log``.

    Arguments
    ---------
    folder : str
        Its output folder.

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        If there is no log, or if it is no text or ends within a line: a number that
        lost its last digits is a wrong one.
    """
    path = Path(folder) / TRAIN_LOG
    if not path.is_file():
        whole = "" if Path(folder).is_dir() else ", and neither is its folder"
        raise ValueError(
            f"{path} is not there{whole}: give the output folder of a training run"
        )
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} is not text in UTF-8, expected the log of a training run: give "
            "that run's output folder"
        ) from error
    if text and not text.endswith("\n"):
        raise ValueError(
            f"{path} was cut short: it ends within the line "
            f"{text.splitlines()[-1][-60:]!r}; take that line out, or copy the file "
            "again"
        )
    return read_train_log(text.splitlines())


def _with_variant(name, folder):
    """The name of a run, and of its variant if that is another one and is known."""
    try:
        mark = json.loads((Path(folder) / "variant.json").read_text(encoding="utf-8"))
        variant = str(mark["variant"])
    except (OSError, ValueError, KeyError, TypeError):
        return name
    return name if variant in Path(name).parts else f"{name} ({variant})"


def shown_span(span, duration):
    """Seconds to show of a recording, and what the title says of the rest.

    Arguments
    ---------
    span : tuple or None
        What was asked for.
    duration : float
        Seconds of the recording.

    Returns
    -------
    span : tuple
        First and last second.
    shown : str
        Empty if all is shown.

    Raises
    ------
    ValueError
        If the span is not within the recording.

    Example
    -------
    >>> shown_span(None, 10.0)
    ((0, 8.0), ' (first 8 of 10.0 s)')
    """
    if span is not None:
        start, end = span
        if not 0 <= start < end or start >= duration:
            raise ValueError(
                f"--span is {start:g} {end:g}: expected two times in ascending order "
                f"within the recording's {duration:.2f} s"
            )
        end = min(end, duration)
        return (start, end), f" ({start:g} to {end:g} s)"
    if duration <= SHOWN_SECONDS:
        return (0, duration), ""
    return (0, SHOWN_SECONDS), f" (first {SHOWN_SECONDS:g} of {duration:.1f} s)"
