"""The pitch of an utterance beside its spectrogram."""

import numpy as np

from speechbrain_pitchrope.figures.style import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    draw_spectrogram,
    new_figure,
    set_title,
)


def pitch_figure(
    wav, sample_rate, mels_db, f0_hz, voicing, frame_shift=0.01, title=None
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
    f0_hz : array
        f0 in Hz, shape [T], 0 where unvoiced.
    voicing : array
        Probability of voicing, shape [T].
    frame_shift : float
        Seconds from frame to frame.
    title : str, optional
        Printed above.

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
    figure, (wave_axes, mel_axes, voicing_axes) = new_figure(3, (1, 2.6, 0.8))
    times = np.arange(len(mels_db)) * frame_shift
    voiced = np.where(f0_hz > 0, f0_hz, np.nan)

    wave_axes.plot(np.arange(len(wav)) / sample_rate, wav, color=GREY, linewidth=0.5)
    wave_axes.set_ylabel("amplitude")
    draw_spectrogram(mel_axes, mels_db, frame_shift)
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
    f0_axes.set_yticks([60, 100, 150, 200, 300, 500])
    f0_axes.set_yticklabels(["60", "100", "150", "200", "300", "500"])
    f0_axes.minorticks_off()
    f0_axes.set_ylabel("f0 (Hz)")
    voicing_axes.plot(times, voicing, color=BLUE, linewidth=1.2)
    voicing_axes.set_ylim(-0.05, 1.05)
    voicing_axes.set_yticks([0, 0.5, 1])
    voicing_axes.set_ylabel("voicing")
    voicing_axes.set_xlabel("time (s)")
    voicing_axes.set_xlim(0, max(times[-1], 1e-3))
    for axes in (wave_axes, voicing_axes):
        for start, end in stretches(f0_hz):
            edges = ((start - 0.5) * frame_shift, (end - 0.5) * frame_shift)
            axes.axvspan(*edges, color=GREEN, alpha=0.15, linewidth=0)
    set_title(figure, title)
    return figure


def stretches(f0_hz):
    """Where a contour is voiced.

    Arguments
    ---------
    f0_hz : array
        Shape [T], 0 where unvoiced.

    Returns
    -------
    array
        First frame of each voiced stretch, and the first one after it; shape [n, 2].

    Example
    -------
    >>> stretches([0, 150, 0, 0, 120, 121]).tolist()
    [[1, 2], [4, 6]]
    """
    voiced = np.pad(np.asarray(f0_hz) > 0, 1)
    return np.flatnonzero(np.diff(voiced)).reshape(-1, 2)


def recording_figure(wav, sample_rate, f0_hz, voicing, title=None):
    """``pitch_figure`` of samples and their contour; the spectrogram is made here.

    Arguments
    ---------
    wav : torch.Tensor
        Samples, shape [N].
    sample_rate : int
        Samples per second.
    f0_hz : torch.Tensor
        f0 in Hz every 10 ms, shape [T], 0 where unvoiced.
    voicing : torch.Tensor
        Probability of voicing, shape [T].
    title : str, optional
        Printed above.

    Returns
    -------
    matplotlib.figure.Figure

    Example
    -------
    >>> import torch
    >>> figure = recording_figure(
    ...     torch.zeros(16000), 16000, torch.full((101,), 150.0), torch.ones(101)
    ... )
    >>> figure.axes[1].get_ylabel()
    'mel band'
    """
    from speechbrain.lobes.features import Fbank

    mels = Fbank(sample_rate=sample_rate, n_mels=80)(wav[None])[0]
    arrays = (tensor.numpy() for tensor in (wav, mels, f0_hz, voicing))
    wav, mels, f0_hz, voicing = arrays
    return pitch_figure(wav, sample_rate, mels, f0_hz, voicing, title=title)
