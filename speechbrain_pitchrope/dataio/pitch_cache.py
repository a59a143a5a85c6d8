"""f0 that is tracked once for each recording, and kept on disk."""

import hashlib
import json
import zlib
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import torch
from speechbrain.utils.data_pipeline import CachedDynamicItem

import speechbrain_pitchrope
from speechbrain_pitchrope.files import replacing, write_whole

KEPT = ("f0_hz", "voicing", "checksum")

DAMAGE = (EOFError, KeyError, OSError, ValueError, BadZipFile, zlib.error)
"""What numpy raises when a file is damaged."""

NO_INFLUENCE = {"training", "n_threads"}
"""Attributes of trackers that change nothing of what they find."""


class PitchCache(CachedDynamicItem):
    """SpeechBrain's CachedDynamicItem for f0: tracked at the first call, then read.

    Contours lie in a folder of their own for each tracker, release and setting, that is
    an attribute that is a number or a string. Any number of processes may fill it.

    Arguments
    ---------
    folder : str
        Where to make the tracker's folder.
    tracker : torch.nn.Module
        Samples [1, N] -> (f0 in Hz [1, T], voicing [1, T]), on the CPU.

    Example
    -------
    >>> from speechbrain_pitchrope.processing.pitch import AutocorrelationPitch
    >>> folder, wav = getfixture("tmp_path"), torch.rand(16000)
    >>> cache = PitchCache(folder, AutocorrelationPitch())
    >>> f0_hz, voicing = cache("84-121-0000", wav)
    >>> f0_hz.shape, voicing.shape
    (torch.Size([101]), torch.Size([101]))
    >>> [path.name for path in folder.glob("AutocorrelationPitch-*/*.npz")]
    ['84-121-0000.npz']
    """

    def __init__(self, folder, tracker):
        self.tracker = tracker
        name, settings = describe(tracker)
        folder = Path(folder) / name
        super().__init__(folder, ["id", "sig"], self._track, ["f0_hz", "voicing"])
        if not (folder / "tracker.json").is_file():
            write_whole(folder / "tracker.json", settings.encode())

    def __call__(self, uid, recording, played=None):
        """The contour of a recording: f0 in Hz and voicing, each [T].

        ``uid`` names the utterance, and its speed if it is played at one. A change of
        ``recording`` [N], the samples of the file, is a ValueError, as is a damaged
        contour. ``played`` are the samples to track, if not these.
        """
        checksum = zlib.crc32(recording.contiguous().numpy())
        played = recording if played is None else played
        f0_hz, voicing, tracked = super().__call__(uid, played, checksum)
        if tracked != checksum:
            raise ValueError(
                f"the recording of {uid} has changed since its f0 was put into "
                f"{self._uid2path(uid)}: remove this file to have it tracked anew"
            )
        return f0_hz, voicing

    def _track(self, uid, wav, checksum):
        with torch.no_grad():
            f0_hz, voicing = self.tracker(wav[None])
        return f0_hz[0].clone(), voicing[0].clone(), checksum

    def _uid2path(self, uid):
        # Unlike torch's files, zip's have a checksum that is checked.
        return self.cache_location / f"{uid}.npz"

    def _cache(self, result, uid):
        values = dict(zip(KEPT, result, strict=True))
        with replacing(self._uid2path(uid)) as part, open(part, "wb") as file:
            np.savez_compressed(file, **values)

    def _load(self, uid):
        path = self._uid2path(uid)
        try:
            with np.load(path) as file:
                f0_hz, voicing, checksum = (file[name] for name in KEPT)
        except DAMAGE as fault:
            raise ValueError(
                f"{path} is damaged ({fault}): remove it to have its f0 tracked anew"
            ) from fault
        return torch.from_numpy(f0_hz), torch.from_numpy(voicing), int(checksum)


def describe(tracker):
    """A tracker's name, of class and settings, and all that matters of it as JSON."""
    settings = {
        name: value
        for name, value in sorted(vars(tracker).items())
        if isinstance(value, int | float | str)
        and not name.startswith("_")
        and name not in NO_INFLUENCE
    }
    cls = type(tracker)
    settings["class"] = f"{cls.__module__}.{cls.__qualname__}"
    settings["release"] = speechbrain_pitchrope.__version__
    text = json.dumps(settings, indent=1) + "\n"
    return f"{cls.__name__}-{hashlib.sha1(text.encode()).hexdigest()[:10]}", text
