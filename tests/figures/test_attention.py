"""The attention figure shows the weights it was given, in time with the spectrogram."""

import numpy as np

from speechbrain_pitchrope.figures.attention import (
    HeadMaps,
    attention_figure,
    in_words,
)

SHIFT, MEL_SHIFT, FRAMES = 0.04, 0.01, 50
TOKENS = [(0.2, "\u2581"), (0.24, "A"), (0.6, "\u2581"), (0.64, "C"), (0.8, "AT")]


def head(seed):
    weights = np.random.default_rng(seed).dirichlet(np.ones(FRAMES), (2, FRAMES))
    return HeadMaps(f"layer 1, head {seed}", *weights)


HEADS = [head(0), head(1)]


def draw(**options):
    mels = np.random.default_rng(2).normal(size=(4 * FRAMES, 20))
    return attention_figure(mels, MEL_SHIFT, HEADS, SHIFT, **options)


def rows_of(figure):
    """Panels as rows of three: spectrograms, tokens, then one row a head."""
    axes = figure.axes[: 3 * (2 + len(HEADS))]
    return [axes[i : i + 3] for i in range(0, len(axes), 3)]


def test_columns_are_on_zeroed_and_the_difference():
    spectrograms, _, *rows = rows_of(draw())
    assert [axes.get_title() for axes in spectrograms] == [
        "pitch on",
        "attention's pitch zeroed",
        "difference",
    ]
    for maps, panels in zip(HEADS, rows, strict=True):
        assert panels[0].get_ylabel().startswith(maps.name)
        shown = [axes.images[0].get_array() for axes in panels]
        np.testing.assert_allclose(shown[0], maps.with_pitch)
        np.testing.assert_allclose(shown[1], maps.without_pitch)
        np.testing.assert_allclose(shown[2], maps.with_pitch - maps.without_pitch)


def test_one_scale_of_weights_and_one_of_differences():
    _, _, *rows = rows_of(draw())
    limits = [[axes.images[0].get_clim() for axes in panels] for panels in rows]
    ((on, zeroed, difference),) = {tuple(row) for row in limits}
    assert on == zeroed
    assert on[0] == 0 and on[1] > 1 / FRAMES
    assert difference[0] == -difference[1] < 0


def test_maps_tokens_and_spectrogram_share_the_time_axis():
    figure = draw(tokens=TOKENS, span=(0.1, 1.5))
    panels = [axes for row in rows_of(figure) for axes in row]
    assert {axes.get_xlim() for axes in panels} == {(0.1, 1.5)}
    for axes in panels[6:]:
        assert axes.get_ylim() == (0.1, 1.5)
        extent = axes.images[0].get_extent()
        np.testing.assert_allclose(extent, [-0.02, 1.98, -0.02, 1.98])
    for axes in panels[:3]:
        np.testing.assert_allclose(axes.images[0].get_extent()[:2], [-0.005, 1.995])


def token_texts(figure):
    return [[text.get_text() for text in axes.texts] for axes in rows_of(figure)[1]]


def test_words_stand_at_their_frames():
    figure = draw(tokens=TOKENS)
    assert token_texts(figure) == 3 * [["A", "CAT"]]
    for axes in rows_of(figure)[1]:
        (marks,) = axes.collections
        starts = [segment[0, 0] for segment in marks.get_segments()]
        np.testing.assert_allclose(starts, [0.24, 0.64])
        np.testing.assert_allclose(
            [text.get_position()[0] for text in axes.texts], starts
        )


def test_words_that_would_hide_another_are_marked():
    words = [(0.02 * i, "\u2581ABCD") for i in range(90)]
    for axes in rows_of(draw(tokens=words))[1]:
        places = [text.get_position()[0] for text in axes.texts]
        assert 10 < len(places) < 30
        assert min(np.diff(places)) > 0.06
        assert len(axes.collections[0].get_segments()) == 90


def test_words_out_of_the_span_are_left_out():
    assert token_texts(draw(tokens=TOKENS, span=(0.5, 0.7)))[0] == ["CAT"]


def test_words_of_sentencepiece():
    assert in_words([(0.1, "B"), (0.2, "\u2581A"), (0.4, "S")]) == [
        (0.1, "B"),
        (0.2, "AS"),
    ]
    assert in_words([]) == []
    assert in_words([(0.1, "a"), (0.2, " ")]) == [(0.1, "a")]  # letters


def test_a_long_title_is_broken_and_ends():
    figure = draw(title="WORD " * 300)
    lines = figure.get_suptitle().split("\n")
    assert 1 < len(lines) < 5
    assert lines[-1].endswith("[...]")
