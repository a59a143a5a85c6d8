"""A corpus' f0, tracked once: which tracker made it, and a contour by its utterance.

    f0/
        tracker.json    the tracker's settings, and what it says of a probe
        <name>.npz      shards, see speechbrain_pitchrope.dataio.f0_shards

``speechbrain_pitchrope.dataio.f0_building`` makes such a folder.
"""

import json
import math
from pathlib import Path

import numpy as np
import torch

from speechbrain_pitchrope.dataio import f0_shards
from speechbrain_pitchrope.files import write_whole

TRACKER_FILE = "tracker.json"

NO_INFLUENCE = {"training", "n_threads"}
"""Attributes of trackers that change nothing of what they find."""

PROBE_TOLERANCE = (5, 2)
"""Codes of f0 and voicing, 1 cent and 0.008, by which machines may disagree."""

PROBE_OUTLIERS = 0.02
"""Share of the probe's frames that may be further apart: a close call, decided anew."""


class F0Cache:
    """Reads the f0 of one utterance at a time.

    No file is kept open, so one object serves any number of loader workers, forked or
    spawned.

    Arguments
    ---------
    folder : str or pathlib.Path
        Folder of the cache.
    tracker : torch.nn.Module, optional
        The tracker that the f0 is wanted of: another one's cache is refused.

    Raises
    ------
    ValueError
        If there is no cache, if it is another tracker's, or a shard is damaged.

    Example
    -------
    >>> from speechbrain_pitchrope.dataio.f0_building import build_f0_cache
    >>> from speechbrain_pitchrope.processing.pitch import AutocorrelationPitch
    >>> import soundfile
    >>> folder, tracker = getfixture("tmp_path"), AutocorrelationPitch()
    >>> wav = np.sin(2 * np.pi * np.arange(8000) / 80)
    >>> soundfile.write(folder / "a.wav", wav, 16000)
    >>> build_f0_cache(folder / "f0", {"a": folder / "a.wav"}, tracker)
    >>> f0_hz, voicing = F0Cache(folder / "f0", tracker).read("a", 8000)
    >>> f0_hz.shape, f0_hz[25].round()
    (torch.Size([51]), tensor(200.))
    """

    def __init__(self, folder, tracker=None):
        self.folder = Path(folder)
        if not (self.folder / TRACKER_FILE).is_file():
            raise ValueError(f"{folder} holds no f0 cache: build it first")
        if tracker is not None:
            check_tracker(self.folder, tracker)
        self._places = {}
        for path in shard_paths(self.folder):
            start = 0
            for entry in f0_shards.read_entries(path):
                self._places[entry.id] = (path.name, start, entry)
                start += entry.n_frames

    def __len__(self):
        return len(self._places)

    def __contains__(self, utterance):
        return utterance in self._places

    def read(self, utterance, n_samples):
        """The contour of an utterance.

        Arguments
        ---------
        utterance : str
            Its ID.
        n_samples : int
            Samples of its audio, before any augmentation.

        Returns
        -------
        f0_hz, voicing : torch.Tensor
            Shape [n_samples // hop + 1], as the tracker gave them but for rounding (see
            ``speechbrain_pitchrope.dataio.f0_shards.encode``).

        Raises
        ------
        ValueError
            If the utterance is missing, its audio has another length than when it was
            tracked, or its shard is damaged.
        """
        if utterance not in self._places:
            raise ValueError(
                f"the f0 cache {self.folder} has {len(self)} utterances, and not "
                f"{utterance}: build it again, with this utterance"
            )
        name, start, entry = self._places[utterance]
        if entry.n_samples != n_samples:
            raise ValueError(
                f"{utterance} has {n_samples} samples, and had {entry.n_samples} when "
                f"its f0 was put into {self.folder}: the audio has changed; build the "
                "cache again, and only what has changed is tracked anew"
            )
        codes = f0_shards.read_contours(self.folder / name)
        stop = start + entry.n_frames
        return f0_shards.decode(*(column[start:stop] for column in codes))


def shard_paths(folder):
    """The shards of a cache, sorted by name."""
    return sorted(folder.glob("*.npz"))


def probe():
    """Two seconds in which a tracker shows what it does, shape [1, 32000] at 16 kHz.

    A voice glides from 80 to 400 Hz, comes and goes and sinks into inharmonic hum. Made
    of sines alone, it is the same on every machine.
    """
    time = torch.arange(32000, dtype=torch.float64) / 16000
    phase = 2 * math.pi * (80 * time + 80 * time**2)
    voice = sum(torch.sin(k * phase) / k for k in range(1, 10))
    gate = torch.sin(5 * math.pi * time).clamp(min=0) * torch.exp(-2 * time)
    hum = sum(torch.sin(2 * math.pi * 211.7 * k**1.4 * time + k * k) for k in range(9))
    return (0.3 * gate * voice + 0.01 * hum).float()[None]


def describe(tracker):
    """What tells a tracker from others.

    Its class, its plain attributes, and what it says of ``probe``: so another release
    of a tracker is noticed when it hears differently, and only then.

    Arguments
    ---------
    tracker : torch.nn.Module
        Samples [B, N] -> (f0 in Hz [B, T], voicing [B, T]).

    Returns
    -------
    dict
        "class", "settings" and the codes of the probe, "f0" and "voicing".
    """
    settings = {
        name: value
        for name, value in sorted(vars(tracker).items())
        if isinstance(value, int | float | str)
        and not name.startswith("_")
        and name not in NO_INFLUENCE
    }
    with torch.no_grad():
        contour = f0_shards.encode(*(row[0] for row in tracker(probe())))
    f0, voicing = (codes.tolist() for codes in contour)
    cls = type(tracker)
    name = f"{cls.__module__}.{cls.__qualname__}"
    return {"class": name, "settings": settings, "f0": f0, "voicing": voicing}


def check_tracker(folder, tracker):
    """Refuse a tracker that is not the one of the cache; mark a new cache as its own.

    Arguments
    ---------
    folder : pathlib.Path
        Folder of the cache; made if it is not there.
    tracker : torch.nn.Module
        The tracker.

    Raises
    ------
    ValueError
        If the cache is another tracker's, when the message names the difference; if
        nothing tells whose it is; or if there is a file in place of the folder.
    """
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file: expected the folder of an f0 cache")
    mine, mark = describe(tracker), folder / TRACKER_FILE
    if not mark.is_file():
        if shard_paths(folder):
            raise ValueError(
                f"{folder} holds f0 and no {TRACKER_FILE} that tells which tracker's: "
                "choose another folder, or remove this one to have it built anew"
            )
        write_whole(mark, (json.dumps(mine) + "\n").encode())
        return
    found = _read_mark(mark)
    differences = [
        f"{name} is {found['settings'].get(name)!r} there and "
        f"{mine['settings'].get(name)!r} here"
        for name in sorted(found["settings"] | mine["settings"])
        if found["settings"].get(name) != mine["settings"].get(name)
    ]
    if found["class"] != mine["class"]:
        differences = [f"it is of {found['class']}, this is {mine['class']}"]
    elif not differences and (share := _disagreement(found, mine)) > PROBE_OUTLIERS:
        differences = [
            f"the settings agree, but {100 * share:.0f} % of the frames of a test "
            "signal do not: the tracker itself has changed since"
        ]
    if differences:
        raise ValueError(
            f"the f0 cache {folder} is another tracker's: {'; '.join(differences)}. "
            "Choose another folder, or remove this one to have it built anew"
        )


def _read_mark(mark):
    """What ``describe`` said of the tracker of a cache."""
    try:
        read = json.loads(mark.read_text(encoding="utf-8"))
        found = {"class": read["class"], "settings": dict(read["settings"])}
        for name in ("f0", "voicing"):
            found[name] = np.array(read[name], int).tolist()
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{mark} is damaged ({type(error).__name__}: {error}), and tells no more "
            f"which tracker's f0 this is: remove {mark.parent} to have it built anew"
        ) from error
    return found


def _disagreement(one, other):
    """Share of the probe's frames in which two descriptions differ."""
    differs = False
    for name, tolerance in zip(("f0", "voicing"), PROBE_TOLERANCE, strict=True):
        if len(one[name]) != len(other[name]):
            return 1.0
        distance = np.abs(np.subtract(one[name], other[name]))
        differs = differs | (distance > tolerance)
    return float(np.mean(differs))
