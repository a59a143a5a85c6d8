"""The pitch of an utterance beside its spectrogram."""

import numpy as np

from speechbrain_pitchrope.figures.style import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    WIDTH,
    draw_spectrogram,
    new_canvas,
    set_title,
)


def pitch_figure(
    wav,
    sample_rate,
    mels_db,
    f0_hz,
    voicing,
    frame_shift=0.01,
    title=None,
    start=0.0,
    f_max=None,
):
    """Waveform, log-mel spectrogram with the f0 contour over it, and voicing.

    Voiced stretches are shaded in the panels above and below the spectrogram.

    Arguments
    ---------
    wav : array
        Samples, shape [N].
    sample_rate : int
        Samples per second.
    mels_db : array
        Log-mel spectrogram in dB, shape [T, n_mels].
    f0_hz, voicing : array
        f0 in Hz, 0 where unvoiced, and the probability of voicing; shape [T].
    frame_shift, start : float
        Seconds from frame to frame, and of the first sample.
    title : str, optional
        Printed above.
    f_max : float, optional
        Upper frequency of the spectrogram in Hz, for an axis beside that of the bands.

    Returns
    -------
    matplotlib.figure.Figure

    Example
    -------
    >>> f0_hz = np.full(101, 150.0)
    >>> figure = pitch_figure(
    ...     np.zeros(16000), 16000, np.zeros((101, 80)), f0_hz, np.ones(101)
    ... )
    >>> [axes.get_ylabel() for axes in figure.axes]
    ['amplitude', 'mel band', 'voicing', 'f0 (Hz)']
    """
    figure = new_canvas((WIDTH, 4.9))
    wave_axes, mel_axes, voicing_axes = figure.subplots(
        3, 1, sharex=True, height_ratios=(1, 2.6, 0.8)
    )
    times = start + np.arange(len(mels_db)) * frame_shift
    voiced = np.where(f0_hz > 0, f0_hz, np.nan)
    seconds = start + np.arange(len(wav)) / sample_rate
    wave_axes.plot(seconds, wav, color=GREY, linewidth=0.5)
    wave_axes.set_ylabel("amplitude")
    draw_spectrogram(mel_axes, mels_db, frame_shift, start, f_max)
    f0_axes = mel_axes.twinx()
    # A single voiced frame between unvoiced ones is no line: the dots show it.
    dots = {"marker": "o", "markeredgewidth": 0}
    f0_axes.plot(times, voiced, color="white", linewidth=4.0, markersize=4.0, **dots)
    f0_axes.plot(
        times, voiced, color=ORANGE, linewidth=1.8, markersize=1.8, label="f0", **dots
    )
    f0_axes.set_yscale("log")
    f0_axes.set_ylim(
        min(50, 0.9 * np.nanmin(voiced, initial=50)),
        max(550, 1.1 * np.nanmax(voiced, initial=550)),
    )
    ticks = (60, 100, 150, 200, 300, 500)
    f0_axes.set_yticks(ticks, [str(hertz) for hertz in ticks])
    f0_axes.minorticks_off()
    f0_axes.set_ylabel("f0 (Hz)")
    voicing_axes.plot(times, voicing, color=BLUE, linewidth=1.2)
    voicing_axes.set_ylim(-0.05, 1.05)
    voicing_axes.set_yticks([0, 0.5, 1])
    voicing_axes.set_ylabel("voicing")
    voicing_axes.set_xlabel("time (s)")
    voicing_axes.set_xlim(start, max(times[-1], start + 1e-3))
    for axes in (wave_axes, voicing_axes):
        for edges in start + (stretches(f0_hz) - 0.5) * frame_shift:
            axes.axvspan(*edges, color=GREEN, alpha=0.15, linewidth=0)
    set_title(figure, title)
    return figure


def stretches(f0_hz):
    """First frame of each voiced stretch, and the first one after it; shape [n, 2].

    Example
    -------
    >>> stretches([0, 150, 0, 0, 120, 121]).tolist()
    [[1, 2], [4, 6]]
    """
    voiced = np.pad(np.asarray(f0_hz) > 0, 1)
    return np.flatnonzero(np.diff(voiced)).reshape(-1, 2)


def recording_figure(wav, sample_rate, f0_hz, voicing, title=None, start=0.0):
    """``pitch_figure`` of tensors, f0 every 10 ms; the spectrogram is made here."""
    from speechbrain.lobes.features import Fbank

    fbank = Fbank(sample_rate=sample_rate, n_mels=80)
    arrays = (tensor.numpy() for tensor in (wav, fbank(wav[None])[0], f0_hz, voicing))
    wav, *rest = arrays
    f_max = fbank.compute_fbanks.f_max
    return pitch_figure(wav, sample_rate, *rest, title=title, start=start, f_max=f_max)
