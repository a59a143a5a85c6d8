"""The command ``pitchrope``; each subcommand is a module of ``tools``.

A subcommand's module has ``add_arguments(parser)`` and ``run(args)``, which returns the
exit code. It is imported only when its command is typed, so that help is quick.
"""

import argparse
import importlib
import sys

import speechbrain_pitchrope

COMMANDS = {
    "compare": ("compare", "say which system is better by wer_<split>.txt, how surely"),
    "demo-corpus": (
        "demo.corpus",
        "make a small synthetic corpus in LibriSpeech layout",
    ),
    "f0": ("f0", "write the pitch of recordings as csv, and draw it"),
    "package": ("package", "make a folder that recognises speech of a training run"),
    "plot": (
        "plot",
        "draw what pitch does: to an utterance, to attention, in training",
    ),
    "report": ("report", "write the results of a training run on one page of HTML"),
    "swap": ("swap", "rewrite a recipe's yaml so that its attention listens to pitch"),
    "transcribe": ("transcribe", "write what is said in recordings"),
    "wer": ("wer", "print the error rates that training runs ended with"),
}


def make_parser(commands):
    """Parser with these subcommands; their arguments only if there is just one.

    Arguments
    ---------
    commands : dict
        Part of ``COMMANDS``.

    Returns
    -------
    argparse.ArgumentParser
    """
    parser = argparse.ArgumentParser(
        prog="pitchrope", description=speechbrain_pitchrope.__doc__.splitlines()[0]
    )
    parser.add_argument(
        "--version", action="version", version=speechbrain_pitchrope.__version__
    )
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (module_name, summary) in commands.items():
        subparser = subparsers.add_parser(name, help=summary, description=summary)
        if len(commands) == 1:
            module = importlib.import_module(
                f"speechbrain_pitchrope.tools.{module_name}"
            )
            module.add_arguments(subparser)
            subparser.set_defaults(run=module.run)
    return parser


def main(arguments=None):
    """Run a command line.

    Arguments
    ---------
    arguments : list of str, optional
        What follows ``pitchrope``; ``sys.argv[1:]`` if not given.

    Returns
    -------
    int
        Exit code: 0 if all went well, 1 if a file or a setting is at fault.

    Example
    -------
    >>> main(["plot", "pitch", "missing.wav"])
    1
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    chosen = arguments[0] if arguments else None
    commands = {chosen: COMMANDS[chosen]} if chosen in COMMANDS else COMMANDS
    args = make_parser(commands).parse_args(arguments)
    try:
        return args.run(args)
    except (ImportError, OSError, ValueError) as error:
        print(f"pitchrope {args.command}: {error}", file=sys.stderr)
        return 1
