"""The attention figure shows the weights it was given, in time with the spectrogram."""

import numpy as np
import pytest

from speechbrain_pitchrope.figures.attention import attention_figure, in_words

SHIFT, MEL_SHIFT, FRAMES = 0.04, 0.01, 50
TOKENS = [(0.2, "\u2581"), (0.24, "A"), (0.6, "\u2581"), (0.64, "C"), (0.8, "AT")]
MAPS = np.random.default_rng(0).dirichlet(np.ones(FRAMES), (2, 2, FRAMES))
HEADS = {"layer 1, head 0": MAPS[0], "layer 1, head 1": MAPS[1]}
MELS = np.random.default_rng(2).normal(size=(4 * FRAMES, 20))


def rows_of(**options):
    """Panels as rows of three: spectrograms, then one row a head."""
    figure = attention_figure(MELS, MEL_SHIFT, HEADS, SHIFT, **options)
    return [figure.axes[i : i + 3] for i in (0, 3, 6)]


@pytest.fixture(scope="module")
def rows():
    return rows_of(tokens=TOKENS, span=(0.1, 1.5))


def test_columns_are_on_zeroed_and_the_difference(rows):
    titles = [axes.get_title() for axes in rows[0]]
    assert titles == ["pitch on", "attention's pitch zeroed", "difference"]
    for (name, (on, zeroed)), panels in zip(HEADS.items(), rows[1:], strict=True):
        assert panels[0].get_ylabel().startswith(name)
        for axes, expected in zip(panels, (on, zeroed, on - zeroed), strict=True):
            np.testing.assert_allclose(axes.images[0].get_array(), expected)


def test_one_scale_of_weights_and_one_of_differences(rows):
    limits = [[axes.images[0].get_clim() for axes in panels] for panels in rows[1:]]
    ((on, zeroed, difference),) = {tuple(row) for row in limits}
    assert on == zeroed
    assert on[0] == 0 and on[1] > 1 / FRAMES
    assert difference[0] == -difference[1] < 0


def test_maps_and_spectrogram_share_the_time_axis(rows):
    assert {axes.get_xlim() for row in rows for axes in row} == {(0.1, 1.5)}
    for axes in (*rows[1], *rows[2]):
        assert axes.get_ylim() == (0.1, 1.5)
        np.testing.assert_allclose(axes.images[0].get_extent(), 2 * [-0.02, 1.98])


def words_of(axes):
    """Times and words above a spectrogram."""
    (above,) = axes.child_axes
    return above.get_xticks(), [text.get_text() for text in above.get_xticklabels()]


def test_words_stand_at_their_frames(rows):
    for axes in rows[0]:
        times, words = words_of(axes)
        np.testing.assert_allclose(times, [0.24, 0.64])
        assert words == ["A", "CAT"]


def test_no_word_hides_another_or_is_out_of_the_span():
    words = [(0.02 * i, "\u2581ABCD") for i in range(200)]
    times, _ = words_of(rows_of(tokens=words)[0][0])
    assert 10 < len(times) < 30
    assert min(np.diff(times)) > 0.06
    assert times[-1] < FRAMES * SHIFT


def test_words_of_sentencepiece():
    tokens = [(0.1, "B"), (0.2, "\u2581A"), (0.4, "S")]
    assert in_words(tokens) == [(0.1, "B"), (0.2, "AS")]
    assert in_words([]) == []
    assert in_words([(0.1, "a"), (0.2, " ")]) == [(0.1, "a")]  # letters
