"""Speakers and pitch registers."""

import pytest

from speechbrain_pitchrope.scoring.groups import (
    by_register,
    read_speaker_f0,
    speaker_of,
)


@pytest.mark.parametrize(
    ("f0_hz", "register"),
    [
        (129.9, "below 130 Hz"),
        (130.0, "130-180 Hz"),
        (180.0, "130-180 Hz"),
        (180.1, "above 180 Hz"),
    ],
)
def test_borders_of_the_registers(f0_hz, register):
    assert list(by_register(["1-1-0"], {"1": f0_hz})) == [register]


@pytest.mark.parametrize("name", ["84", "-1-0", ""])
def test_an_id_without_speaker_is_refused(name):
    with pytest.raises(ValueError, match=f"id '{name}' names no speaker"):
        speaker_of(name)


def test_rows_of_a_speaker_are_reduced_to_their_median(tmp_path):
    path = tmp_path / "f0.csv"
    path.write_text("chapter,f0_hz,speaker\n1,100,84\n2,300,84\n3,120,84\n1,210,61\n")
    assert read_speaker_f0(path) == {"84": 120.0, "61": 210.0}


@pytest.mark.parametrize("value", ["0", "-3", "nan", "inf", "", "high"])
def test_an_f0_that_is_none_is_refused(value, tmp_path):
    path = tmp_path / "f0.csv"
    path.write_text(f"speaker,f0_hz\n61,120\n84,{value}\n")
    with pytest.raises(ValueError, match=f"line 3: found f0_hz '{value}', expected"):
        read_speaker_f0(path)


@pytest.mark.parametrize("text", ["", "speaker,f0\n84,100\n"])
def test_missing_columns_are_refused(text, tmp_path):
    path = tmp_path / "f0.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match="expected speaker and f0_hz"):
        read_speaker_f0(path)
