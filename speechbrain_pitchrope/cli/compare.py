"""``pitchrope compare``: which system is better, and how sure that is.

Reads the ``wer_<split>.txt`` of two or more systems over one test set. Prints their
error rates, then each later system against the first, then the same for groups of
utterances.
"""

import numpy as np

from speechbrain_pitchrope.scoring.groups import (
    REGISTERS,
    read_speaker_f0,
    register_of,
    speaker_of,
)
from speechbrain_pitchrope.scoring.significance import (
    RESAMPLES,
    error_rate,
    matched_pairs,
    paired_bootstrap,
)
from speechbrain_pitchrope.scoring.systems import name_some, read_systems

SYSTEMS_HEADER = (
    "system  WER (%)  CER (%)     ins     del     sub   words  utterances  files"
)
PAIRS_HEADER = (
    "systems  difference     95 % interval  relative (%)  P(improved)       z        p"
)


def add_arguments(parser):
    """Declare the command's arguments."""
    parser.add_argument(
        "first",
        metavar="WER_A",
        help="wer_<split>.txt of the system to compare with; 'a1.txt,a2.txt' are seeds "
        "of one system, whose errors are averaged",
    )
    parser.add_argument(
        "others",
        metavar="WER_B",
        nargs="+",
        help="the same of each system to judge, over the same utterances",
    )
    parser.add_argument(
        "--by-speaker", action="store_true", help="also print each speaker's results"
    )
    parser.add_argument(
        "--f0",
        metavar="CSV",
        help="also print results by pitch register; columns speaker,f0_hz (median f0)",
    )
    parser.add_argument(
        "--resamples",
        type=int,
        default=RESAMPLES,
        help="resamples of the bootstrap (default: %(default)s)",
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="seed of the bootstrap (default: 0)"
    )


def run(args):
    """Print the systems, the pairs, and the groups that were asked for."""
    ids, systems = read_systems(
        [name.split(",") for name in (args.first, *args.others)]
    )
    tables = [
        systems_table(systems),
        pairs_table(systems, args.resamples, args.seed),
    ]
    if args.f0:
        members = members_by_register(ids, read_speaker_f0(args.f0), args.f0)
        tables.append(
            groups_table("register", members, systems, args.resamples, args.seed)
        )
    if args.by_speaker:
        members = members_by_speaker(ids)
        tables.append(
            groups_table("speaker", members, systems, args.resamples, args.seed)
        )
    print("\n\n".join("\n".join(lines) for lines in tables))
    return 0


def systems_table(systems):
    """Lines with the error rates and counts of each system.

    Arguments
    ---------
    systems : list of System
        What to print.

    Returns
    -------
    list of str
    """
    lines = [SYSTEMS_HEADER]
    for number, system in enumerate(systems, start=1):
        wer = error_rate(system.errors, system.words)
        cer = "-"
        if system.characters.any():
            cer = f"{error_rate(system.character_errors, system.characters):.2f}"
        kinds = (system.insertions, system.deletions, system.substitutions)
        counts = "  ".join(f"{_count(kind.sum()):>6}" for kind in kinds)
        lines.append(
            f"{number:6}  {wer:7.2f}  {cer:>7}  {counts}  {system.words.sum():6.0f}  "
            f"{system.words.size:10}  {','.join(map(str, system.paths))}"
        )
    return lines


def pairs_table(systems, resamples, seed):
    """Lines with each later system's difference from the first.

    Arguments
    ---------
    systems : list of System
        The first is the one to compare with.
    resamples, seed : int
        Of the bootstrap; all pairs see the same resamples.

    Returns
    -------
    list of str
    """
    first, *others = systems
    lines = [
        "WER less that of system 1, in percentage points; below zero is better.",
        f"Bootstrap: {resamples} paired resamples of {first.words.size} utterances, "
        f"seed {seed}. z and p: matched pairs, two-sided.",
    ]
    if len(others) > 1:
        lines.append("The p values are not corrected for the number of systems.")
    lines.append(PAIRS_HEADER)
    wer = error_rate(first.errors, first.words)
    for number, other in enumerate(others, start=2):
        difference = error_rate(other.errors - first.errors, first.words)
        relative = f"{100 * difference / wer:+.2f}" if wer else "-"
        sampled = paired_bootstrap(
            first.errors, other.errors, first.words, resamples, seed
        )
        test = matched_pairs(first.errors, other.errors)
        p = f"{test.p:.4f}" if test.p >= 1e-4 else "<0.0001"
        lines.append(
            f"{number:2} vs 1  {difference:+10.2f}  {_interval(sampled)}  "
            f"{relative:>12}  {sampled.probability_of_improvement:11.4f}  "
            f"{test.z:+6.2f}  {p:>7}"
        )
    return lines


def groups_table(title, members, systems, resamples, seed):
    """Lines with each group's error rates and differences from the first system.

    Arguments
    ---------
    title : str
        What the groups are.
    members : dict
        Group's name to the indices of its utterances.
    systems : list of System
        The first is the one to compare with.
    resamples, seed : int
        Of the bootstrap.

    Returns
    -------
    list of str
        A group of one utterance has no interval.
    """
    numbers = range(1, len(systems) + 1)
    rates = "".join(f"  {f'WER {number}':>7}" for number in numbers)
    pairs = "".join(
        f"  {f'{number} vs 1':>10}     95 % interval" for number in numbers[1:]
    )
    lines = [f"{title:12}  utterances   words{rates}{pairs}"]
    for name, indices in members.items():
        words = systems[0].words[indices]
        errors = [system.errors[indices] for system in systems]
        line = f"{name:12}  {len(indices):10}  {words.sum():6.0f}"
        line += "".join(f"  {error_rate(own, words):7.2f}" for own in errors)
        for own in errors[1:]:
            interval = f"{'-':>16}"
            if len(indices) > 1:
                sampled = paired_bootstrap(errors[0], own, words, resamples, seed)
                interval = _interval(sampled)
            line += f"  {error_rate(own - errors[0], words):+10.2f}  {interval}"
        lines.append(line)
    return lines


def members_by_speaker(ids):
    """Indices of each speaker's utterances.

    Arguments
    ---------
    ids : list of str
        Utterance ids, "speaker-chapter-utterance".

    Returns
    -------
    dict
        Speaker to numpy.ndarray; numbers in their order, then names.

    Example
    -------
    >>> members_by_speaker(["1089-1-0", "84-1-0", "84-1-1"])
    {'84': array([1, 2]), '1089': array([0])}
    """
    speakers = np.array([speaker_of(name) for name in ids])
    order = sorted(set(speakers.tolist()), key=lambda name: (len(name), name))
    return {speaker: np.flatnonzero(speakers == speaker) for speaker in order}


def members_by_register(ids, f0_hz, path):
    """Indices of the utterances of each pitch register.

    Arguments
    ---------
    ids : list of str
        Utterance ids, "speaker-chapter-utterance".
    f0_hz : dict
        Speaker to median f0 in Hz.
    path : str
        Where the f0 came from, for the message.

    Returns
    -------
    dict
        Register to numpy.ndarray, from low to high; empty ones are left out.

    Raises
    ------
    ValueError
        If a speaker has no f0.

    Example
    -------
    >>> members_by_register(["84-1-0", "61-1-0"], {"84": 200.0, "61": 100.0}, "f0.csv")
    {'below 130 Hz': array([1]), 'above 180 Hz': array([0])}
    """
    speakers = [speaker_of(name) for name in ids]
    missing = sorted(set(speakers) - f0_hz.keys())
    if missing:
        raise ValueError(
            f"{path} has no f0_hz for {name_some(missing)}, expected every speaker of "
            "the test set: add a row for each"
        )
    registers = np.array([register_of(f0_hz[speaker]) for speaker in speakers])
    members = {name: np.flatnonzero(registers == name) for name in REGISTERS}
    return {name: indices for name, indices in members.items() if indices.size}


def _count(value):
    """A whole number, or with one decimal if it is a mean over seeds."""
    return f"{value:.0f}" if np.isclose(value, round(value)) else f"{value:.1f}"


def _interval(sampled):
    """The interval in 16 characters."""
    return f"[{sampled.low:+6.2f}, {sampled.high:+6.2f}]"
