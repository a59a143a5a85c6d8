"""espeak-ng through ctypes: text and a voice in, samples out.

espeak-ng keeps state from one utterance to the next (the position in its table of
pitch flutter, the phase of the voice, echoes, random numbers), so the same text
sounds a little different each time, and re-initialising it does not help. Here every
utterance is spoken by a library that was just loaded, with a seed of its own, and
unloaded afterwards: about 8 ms, and the sound depends on nothing but the arguments.
"""

import _ctypes
import ctypes
import importlib
import os
import threading
from pathlib import Path

import numpy as np

__all__ = ["Espeak", "EspeakError"]

# Values of speak_lib.h.
AUDIO_OUTPUT_SYNCHRONOUS = 2
INITIALIZE_DONT_EXIT = 0x8000
CHARS_UTF8 = 1
POS_CHARACTER = 1
ERRORS = {-1: "internal error", 1: "buffer full", 2: "not found"}

# Name of each setting -> its number, its lowest and highest value.
PARAMETERS = {
    "rate": (1, 80, 450),
    "volume": (2, 0, 200),
    "pitch": (3, 0, 99),
    "pitch_range": (4, 0, 99),
}

# The library cuts off the path of its data beyond this many bytes.
MAX_DATA_PATH = 159

# One library at a time: loading it anew is what resets its state.
_LOCK = threading.Lock()

_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)


class EspeakError(RuntimeError):
    """espeak-ng did not do what it was asked; the message says what and why."""


class _CurrentVoice(ctypes.Structure):
    """The head of espeak_VOICE, as far as it is read here."""

    _fields_ = [
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_char_p),
        ("identifier", ctypes.c_char_p),
    ]


class Espeak:
    """The speech synthesiser espeak-ng, without memory of what it said before.

    Arguments
    ---------
    library_path : str, optional
        Shared library of espeak-ng, 1.52 or newer. Default: the one in the package
        espeakng-loader.
    data_path : str, optional
        Its folder `espeak-ng-data`. Default: likewise.

    Raises
    ------
    ImportError
        If a path is left to espeakng-loader and that is not installed.
    EspeakError
        If there is no such library or no such folder, or its path is too long.

    Example
    -------
    >>> espeak = Espeak()  # doctest: +SKIP
    >>> samples = espeak.speak("hello there.", "en-us+f2")  # doctest: +SKIP
    >>> samples.dtype, espeak.sample_rate  # doctest: +SKIP
    (dtype('float32'), 22050)
    """

    def __init__(self, library_path=None, data_path=None):
        if library_path is None or data_path is None:
            loader = _import_loader()
            library_path = library_path or loader.get_library_path()
            data_path = data_path or loader.get_data_path()
        self.library_path = str(library_path)
        self.data_path = str(data_path)
        for path, exists, what in (
            (self.library_path, os.path.isfile(self.library_path), "shared library"),
            (self.data_path, os.path.isdir(self.data_path), "data folder"),
        ):
            if not exists:
                raise EspeakError(
                    f"espeak-ng's {what} is not at {path}; "
                    "pip install --force-reinstall espeakng-loader brings it back"
                )
        length = len(os.fsencode(self.data_path))
        if length > MAX_DATA_PATH:
            raise EspeakError(
                f"the path of espeak-ng's data has {length} bytes, and espeak-ng "
                f"reads at most {MAX_DATA_PATH}: {self.data_path}; install "
                "espeakng-loader into an environment with a shorter path"
            )
        with _LOCK, _Library(self.library_path, self.data_path) as library:
            self._sample_rate = library.sample_rate
            self._version = library.version

    @property
    def sample_rate(self):
        """Samples per second of what `speak` returns (int), 22050 in espeak-ng."""
        return self._sample_rate

    @property
    def version(self):
        """Version of the library (str), such as '1.52.0'."""
        return self._version

    def speak(
        self, text, voice, *, rate=175, pitch=50, pitch_range=50, volume=100, seed=0
    ):
        """Speaks a text. The same arguments give the same samples, always.

        Arguments
        ---------
        text : str
            What to say. Its punctuation shapes the melody.
        voice : str
            Language and, after a plus sign, variant: 'en-us' or 'en-us+f2'.
        rate : int
            Speaking rate in words per minute, 80 .. 450.
        pitch : int
            Base pitch, 0 .. 99; 50 is the variant's own.
        pitch_range : int
            Liveliness of the melody, 0 (monotone) .. 99; 50 is the variant's own.
        volume : int
            Amplitude, 0 .. 200; 100 is normal, at which some variants clip.
        seed : int
            Seed of the noise in variants that breathe, 0 .. 2**31 - 1.

        Returns
        -------
        numpy.ndarray
            Samples [N], float32 in -1 .. 1, at `sample_rate`.

        Raises
        ------
        ValueError
            If the text is empty or a setting is out of its range.
        EspeakError
            If espeak-ng refuses the voice or a setting, or returns no sound.
        """
        if not text.strip() or "\0" in text:
            raise ValueError(f"text is {text!r}: expected words to speak, without NUL")
        settings = {
            "rate": rate,
            "volume": volume,
            "pitch": pitch,
            "pitch_range": pitch_range,
        }
        for name, value in settings.items():
            _, low, high = PARAMETERS[name]
            if not low <= value <= high:
                raise ValueError(f"{name} is {value}: expected {low} to {high}")
        if not 0 <= seed < 2**31:
            raise ValueError(f"seed is {seed}: expected 0 to 2**31 - 1")
        with _LOCK, _Library(self.library_path, self.data_path) as library:
            library.set_voice(voice)
            for name, value in settings.items():
                library.set_parameter(name, value)
            library.set_seed(seed)
            samples = library.synthesise(text)
        if not np.any(samples):
            raise EspeakError(
                f"espeak-ng returned no sound for the text {text!r} in the voice "
                f"{voice!r}; choose another text or variant"
            )
        return samples.astype(np.float32) / 32768


class _Library:
    """A freshly loaded library: initialised on entry, unloaded on exit."""

    def __init__(self, path, data_path):
        self.path = path
        self.data_path = data_path
        self.chunks = []

    def __enter__(self):
        if _is_loaded(self.path):
            raise EspeakError(
                f"{self.path} is held in memory by other code in this process, or "
                "this system never unloads a library; then the sound would depend on "
                "what was spoken before. Speak in a process without that code"
            )
        try:
            self.handle = ctypes.CDLL(self.path)
        except OSError as error:
            raise EspeakError(
                f"espeak-ng's shared library {self.path} cannot be loaded ({error}); "
                "install the espeakng-loader wheel that is built for this platform"
            ) from error
        try:
            self._initialise()
        except BaseException:
            self._unload()
            raise
        return self

    def __exit__(self, *exception):
        status = self.handle.espeak_Terminate()
        self._unload()
        if exception[0] is None:
            _check(status, "to shut down")

    def _initialise(self):
        if not hasattr(self.handle, "espeak_ng_SetRandSeed"):
            raise EspeakError(
                f"{self.path} has no function espeak_ng_SetRandSeed, which espeak-ng "
                "has since 1.52; pip install -U espeakng-loader"
            )
        self.handle.espeak_Info.restype = ctypes.c_char_p
        self.handle.espeak_GetCurrentVoice.restype = ctypes.POINTER(_CurrentVoice)
        data_path = os.fsencode(self.data_path)
        self.sample_rate = self.handle.espeak_Initialize(
            AUDIO_OUTPUT_SYNCHRONOUS, 0, data_path, INITIALIZE_DONT_EXIT
        )
        # Where the folder is no good, espeak-ng falls back on others in silence.
        used = ctypes.c_char_p()
        self.version = self.handle.espeak_Info(ctypes.byref(used)).decode()
        used_path = os.fsdecode(used.value or b"")
        folders = (self.data_path, f"{self.data_path}/espeak-ng-data")
        if self.sample_rate <= 0 or used_path not in folders:
            raise EspeakError(
                f"espeak-ng {self.version} was asked to start with its data in "
                f"{self.data_path} and returned sample rate {self.sample_rate} with "
                f"the data in {used_path!r}; reinstall espeakng-loader"
            )
        # Kept in an attribute: ctypes does not keep it alive for the library.
        self.callback = _Callback(self._receive)
        self.handle.espeak_SetSynthCallback(self.callback)

    def _receive(self, samples, length, _events):
        if samples and length > 0:
            self.chunks.append(np.ctypeslib.as_array(samples, (length,)).copy())
        return 0

    def set_voice(self, voice):
        """Selects a voice and reads back that it is the selected one."""
        language, _, variant = voice.partition("+")
        status = self.handle.espeak_SetVoiceByName(voice.encode())
        hint = "name a language and variant of its data, such as 'en-us+f2'"
        _check(status, f"for the voice {voice!r}", hint)
        current = self.handle.espeak_GetCurrentVoice().contents
        # A byte of priority goes before the language's name.
        got_language = (current.languages or b"")[1:].decode()
        identifier = (current.identifier or b"").decode()
        got_variant = identifier.partition("+")[2]
        if (got_language, got_variant) != (language, variant):
            raise EspeakError(
                f"espeak-ng was asked for the voice {voice!r} and took "
                f"{got_language!r} with variant {got_variant!r}; {hint}. Variants "
                f"here: {', '.join(self._variants())}"
            )

    def set_parameter(self, name, value):
        """Sets one of PARAMETERS and reads back that it is set."""
        number = PARAMETERS[name][0]
        status = self.handle.espeak_SetParameter(number, value, 0)
        _check(status, f"for {name} = {value}")
        current = self.handle.espeak_GetParameter(number, 1)
        if current != value:
            raise EspeakError(
                f"espeak-ng was asked for {name} = {value} and has {current}; "
                "choose a value within its range"
            )

    def set_seed(self, seed):
        """Seeds its random numbers, which otherwise start from the clock."""
        _check(self.handle.espeak_ng_SetRandSeed(ctypes.c_long(seed)), "for a seed")
        # Some variants (Reed, caleb) take theirs from the C library, which is found
        # through the handle except on Windows.
        if hasattr(self.handle, "srand"):
            self.handle.srand(ctypes.c_uint(seed))

    def synthesise(self, text):
        """Speaks a text into 16-bit samples [N]."""
        encoded = text.encode()
        status = self.handle.espeak_Synth(
            encoded,
            ctypes.c_size_t(len(encoded) + 1),
            0,
            POS_CHARACTER,
            0,
            CHARS_UTF8,
            None,
            None,
        )
        _check(status, f"to speak {text!r}")
        return np.concatenate(self.chunks) if self.chunks else np.zeros(0, np.int16)

    def _variants(self):
        folder = Path(self.data_path, "voices", "!v")
        return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []

    def _unload(self):
        unload = getattr(_ctypes, "dlclose", None) or _ctypes.FreeLibrary
        unload(self.handle._handle)
        # It refers to this object, which would otherwise wait for the collector.
        self.callback = None


def _import_loader():
    """Returns the module espeakng_loader."""
    try:
        return importlib.import_module("espeakng_loader")
    except ImportError as error:
        raise ImportError(
            "the demo corpus is spoken by espeak-ng, from the package espeakng-loader, "
            "which is not installed: pip install speechbrain_pitchrope[demo]"
        ) from error


def _is_loaded(path):
    """Whether the library is in this process's memory, where that can be told."""
    if not hasattr(os, "RTLD_NOLOAD"):
        return False
    try:
        handle = _ctypes.dlopen(path, os.RTLD_NOLOAD | os.RTLD_NOW)
    except OSError:
        return False
    _ctypes.dlclose(handle)
    return True


def _check(status, request, hint="reinstall espeakng-loader if this comes again"):
    """Turns a return code other than 0 into an error that names the request."""
    if status != 0:
        meaning = ERRORS.get(status, "unknown status")
        raise EspeakError(
            f"espeak-ng was asked {request} and returned {status} ({meaning}); {hint}"
        )
