"""The table of what a model learned."""

import pytest
import torch

from speechbrain_pitchrope.nnet.attention import PitchRoPEMHA
from speechbrain_pitchrope.nnet.summary import (
    learned_pitch,
    learned_table,
    pitch_statistics,
)


def test_values_are_those_of_the_parameters():
    net = PitchRoPEMHA(16, 2)
    net.theta_offset.data[0, 1] = -0.2
    net.similarity_even.data[1, 2] = -0.5
    net.similarity_odd.data[0, 0] = 0.25
    columns, rows = learned_table(net)
    assert columns[2:-1] == ["max |c|", "max |A|", "max |B|", "mu", "max |rho|"]
    assert rows[0][2:5] == pytest.approx([3.0, 0.0, 0.25])
    assert rows[1][2:5] == pytest.approx([0.0, 0.5, 0.0])


def test_statistics_are_means_over_layers_and_heads_that_have_them():
    layers = torch.nn.ModuleList(
        PitchRoPEMHA(16, 2, theta=theta, similarity="gaussian")
        for theta in ("phase", "none")
    )
    layers[0].theta_rate.data[1, 2] = -100.0
    layers[1].similarity_voiced.data[0] = -0.5
    layers[1].radius_slope.data[0, 3, 2] = -0.125
    statistics = pitch_statistics(layers)
    assert statistics["pitch rate"] == pytest.approx((0 + 2 / 3) / 2)  # a is bounded
    assert statistics["pitch voiced"] == pytest.approx(0.5 / 4)
    assert statistics["pitch slope"] == pytest.approx(0.125 / 4)
    assert statistics["pitch bandwidth"] == pytest.approx(0.75)
    rows = [line.split()[:3] for line in learned_pitch(layers).splitlines()]
    assert rows[2:4] == [["0", "1", "0.667"], ["1", "0", "-"]]


def test_of_what_is_off_nothing_is_learned():
    off = PitchRoPEMHA(16, 2, theta="none", similarity="none", radius="none")
    assert pitch_statistics(off) == {}
    with pytest.raises(ValueError, match="Linear has no PitchRoPEMHA"):
        learned_pitch(torch.nn.Linear(2, 2))
