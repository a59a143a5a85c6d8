import ctypes
import subprocess
import sys

import numpy as np
import pytest

from speechbrain_pitchrope.demo import espeak as module
from speechbrain_pitchrope.demo.espeak import Espeak, EspeakError
from speechbrain_pitchrope.demo.voices import f0_contour

pytest.importorskip("espeakng_loader")

TEXT = "the strange lawyer watched five apples."


@pytest.fixture(scope="module")
def espeak():
    return Espeak()


def median_f0(samples, espeak):
    f0_hz = f0_contour(samples, espeak.sample_rate)
    return np.median(f0_hz[f0_hz > 0])


def test_samples_are_float32_within_full_scale(espeak):
    samples = espeak.speak(TEXT, "en-us+f2", volume=60)
    assert samples.dtype == np.float32
    assert samples.ndim == 1
    assert 1.5 < len(samples) / espeak.sample_rate < 4
    assert 0.1 < np.abs(samples).max() < 0.95


# f1 has flutter; f5 echo and breath; Reed takes its noise from the C library.
@pytest.mark.parametrize("variant", ["f1", "f5", "Reed", "klatt"])
def test_the_sound_does_not_depend_on_what_was_spoken_before(espeak, variant):
    first = espeak.speak(TEXT, f"en-us+{variant}", seed=3)
    espeak.speak("did anything else come before?", "en-us+f3", pitch=80, rate=250)
    ctypes.CDLL(None).rand()
    assert np.array_equal(first, espeak.speak(TEXT, f"en-us+{variant}", seed=3))


@pytest.mark.parametrize("variant", ["f5", "Reed"])
def test_the_seed_changes_a_breathy_voice(espeak, variant):
    one, other = (espeak.speak(TEXT, f"en-us+{variant}", seed=s) for s in (3, 4))
    assert not np.array_equal(one, other)


def test_a_fresh_process_speaks_the_same_samples(espeak):
    program = (
        "import sys\n"
        "from speechbrain_pitchrope.demo.espeak import Espeak\n"
        f"samples = Espeak().speak({TEXT!r}, 'en-us+f1', pitch=40, seed=9)\n"
        "sys.stdout.buffer.write(samples.tobytes())"
    )
    command = [sys.executable, "-c", program]
    spoken = subprocess.run(command, capture_output=True, check=True).stdout
    here = espeak.speak(TEXT, "en-us+f1", pitch=40, seed=9)
    assert np.array_equal(here, np.frombuffer(spoken, np.float32))


def test_pitch_and_rate_have_their_effect_on_the_sound(espeak):
    low, high = (espeak.speak(TEXT, "en-us+m3", pitch=p) for p in (20, 80))
    assert median_f0(high, espeak) > 1.3 * median_f0(low, espeak)
    slow, fast = (espeak.speak(TEXT, "en-us+m3", rate=r) for r in (120, 240))
    assert len(slow) > 1.4 * len(fast)


def test_the_pitch_range_widens_the_melody(espeak):
    spreads = []
    for pitch_range in (10, 90):
        samples = espeak.speak(TEXT, "en-us+m3", pitch_range=pitch_range)
        f0_hz = f0_contour(samples, espeak.sample_rate)
        spreads.append(np.std(np.log2(f0_hz[f0_hz > 0])))
    assert spreads[1] > 1.5 * spreads[0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"voice": "en-gb+f1"}, r"voice 'en-gb\+f1' and returned 2 \(not found\)"),
        ({"voice": "en-us+nobody"}, r"'en-us\+nobody' and took 'en-us'.*Variants"),
        ({"text": "..."}, r"no sound for the text '...'"),
    ],
)
def test_refusals_of_the_library_are_errors(espeak, change, message):
    with pytest.raises(EspeakError, match=message):
        espeak.speak(**{"text": TEXT, "voice": "en-us", **change})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"text": "  "}, "text is '  '"),
        ({"pitch": 100}, "pitch is 100: expected 0 to 99"),
        ({"pitch_range": -1}, "pitch_range is -1"),
        ({"rate": 20}, "rate is 20: expected 80 to 450"),
        ({"volume": 201}, "volume is 201"),
        ({"seed": 2**31}, "seed is"),
    ],
)
def test_values_out_of_range_are_refused(espeak, change, message):
    with pytest.raises(ValueError, match=message):
        espeak.speak(**{"text": TEXT, "voice": "en-us", **change})


def test_an_error_leaves_the_synthesiser_usable(espeak):
    before = espeak.speak(TEXT, "en-us")
    with pytest.raises(EspeakError):
        espeak.speak(TEXT, "xx")
    assert np.array_equal(before, espeak.speak(TEXT, "en-us"))


class IgnoringLibrary:
    """Says yes to a setting and keeps another."""

    def espeak_SetParameter(self, number, value, relative):
        return 0

    def espeak_GetParameter(self, number, current):
        return 50


class RefusingLibrary:
    """Says no."""

    def espeak_SetParameter(self, number, value, relative):
        return 1


def test_a_setting_without_effect_or_with_a_return_code_is_an_error():
    library = module._Library("libespeak-ng.so", "espeak-ng-data")
    library.handle = IgnoringLibrary()
    with pytest.raises(EspeakError, match="asked for pitch = 80 and has 50"):
        library.set_parameter("pitch", 80)
    library.handle = RefusingLibrary()
    with pytest.raises(EspeakError, match=r"pitch = 80 and returned 1 \(buffer full\)"):
        library.set_parameter("pitch", 80)


def test_a_missing_package_names_the_extra_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(ImportError, match=r"pip install speechbrain_pitchrope\[demo\]"):
        Espeak()


def test_a_library_that_cannot_be_loaded_names_its_path(tmp_path):
    missing = tmp_path / "libespeak-ng.so"
    with pytest.raises(EspeakError, match=f"not at {missing}"):
        Espeak(library_path=missing)
    missing.write_bytes(b"for another platform")
    with pytest.raises(EspeakError, match=f"{missing} cannot be loaded"):
        Espeak(library_path=missing)


def test_data_that_cannot_be_used_name_their_path(tmp_path):
    with pytest.raises(EspeakError, match="data folder is not at"):
        Espeak(data_path=tmp_path / "nowhere")
    with pytest.raises(EspeakError, match=f"data in {tmp_path} and returned"):
        Espeak(data_path=tmp_path)
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    deep.mkdir(parents=True)
    with pytest.raises(EspeakError, match="at most 159"):
        Espeak(data_path=deep)


@pytest.mark.skipif(not hasattr(module.os, "RTLD_NOLOAD"), reason="cannot be told here")
def test_a_library_held_by_other_code_is_an_error(espeak):
    handle = ctypes.CDLL(espeak.library_path)._handle
    try:
        with pytest.raises(EspeakError, match="held in memory by other code"):
            espeak.speak(TEXT, "en-us")
    finally:
        module._ctypes.dlclose(handle)
    espeak.speak(TEXT, "en-us")
