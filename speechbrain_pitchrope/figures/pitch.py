"""The pitch of an utterance beside its spectrogram."""

import numpy as np

from speechbrain_pitchrope.figures import style

FRAMES = style.Frames(0.01)


@style.styled
def pitch_figure(
    wav, sample_rate, mels_db, f0_hz, voicing, frames=FRAMES, title=None, f_max=None
):
    """Waveform, log-mel spectrogram with the f0 contour over it, and voicing.

    ``wav`` are samples [N], ``mels_db`` a log-mel spectrogram [T, n_mels] in dB,
    ``f0_hz`` [T] is 0 where unvoiced, ``voicing`` [T] a probability. The first sample
    is in the middle of the first frame. If the bands end at ``f_max`` Hz an axis in Hz
    is drawn.

    Example
    -------
    >>> f0_hz = np.full(101, 150.0)
    >>> figure = pitch_figure(
    ...     np.zeros(16000), 16000, np.zeros((101, 80)), f0_hz, np.ones(101)
    ... )
    >>> [axes.get_ylabel() for axes in figure.axes]
    ['amplitude', 'mel band', 'voicing', 'f0 (Hz)']
    """
    figure = style.new_canvas((style.WIDTH, 4.9), title)
    wave_axes, mel_axes, voicing_axes = figure.subplots(
        3, 1, sharex=True, height_ratios=(1, 2.6, 0.8)
    )
    seconds = frames.start + np.arange(len(wav)) / sample_rate
    wave_axes.plot(seconds, wav, color=style.GREY, linewidth=0.5)
    wave_axes.set_ylabel("amplitude")
    style.draw_spectrogram(mel_axes, mels_db, frames, f_max)
    f0_axes = mel_axes.twinx()
    for color, width in (("white", 4.0), (style.ORANGE, 1.8)):
        line = {"color": color, "linewidth": width, "markersize": width}
        style.draw_f0(f0_axes, f0_hz, frames, **line)
    times = frames.times(len(voicing))
    voicing_axes.plot(times, voicing, color=style.BLUE, linewidth=1.2)
    voicing_axes.set(ylim=(-0.05, 1.05), ylabel="voicing", xlabel="time (s)")
    voicing_axes.set_xlim(times[0], max(times[-1], times[0] + 1e-3))
    edges = np.linspace(*frames.edges(len(f0_hz)), len(f0_hz) + 1)
    for axes in (wave_axes, voicing_axes):
        shade = {"color": style.GREEN, "alpha": 0.15}
        height = {"transform": axes.get_xaxis_transform()}  # all of the panel
        axes.stairs(f0_hz > 0, edges, fill=True, **shade, **height)
    return figure
