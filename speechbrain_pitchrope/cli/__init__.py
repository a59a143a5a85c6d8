"""The command ``pitchrope``; each subcommand is a module of this package.

A subcommand's module has ``add_arguments(parser)`` and ``run(args)``, which returns the
exit code. It is imported only when its command is typed, so that help is quick.
"""

import argparse
import importlib
import io
import os
import sys

import speechbrain_pitchrope

COMMANDS = {
    "compare": "compare systems by their wer files, with confidence",
    "demo-corpus": "make a small synthetic corpus in LibriSpeech layout",
    "f0": "write the pitch of recordings to files",
    "package": "make a run a folder that recognises speech",
    "plot": "draw what pitch does: to an utterance, to attention, in training",
    "report": "write the results of a training run on one page of HTML",
    "swap": "make a recipe's attention listen to pitch",
    "transcribe": "write what is said in recordings",
    "wer": "print the error rates that training runs ended with",
}

INTERRUPTED, NOBODY_READS = 130, 141
"""Exit codes of shells: 128 and the number of the signal, SIGINT or SIGPIPE."""


def make_parser(commands):
    """Parser with these subcommands; with their arguments only if there is just one."""
    parser = argparse.ArgumentParser(
        prog="pitchrope", description=speechbrain_pitchrope.__doc__.splitlines()[0]
    )
    version = speechbrain_pitchrope.__version__
    parser.add_argument("--version", action="version", version=version)
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in commands:
        summary = COMMANDS[name]
        subparser = subparsers.add_parser(name, help=summary, description=summary)
        if len(commands) == 1:
            module = importlib.import_module(f"{__name__}.{name.replace('-', '_')}")
            module.add_arguments(subparser)
            subparser.set_defaults(run=module.run)
    return parser


def main(arguments=None):
    """Run what follows ``pitchrope``, by default that of ``sys.argv``; the exit code.

    0 if all went well, 1 if a file or a setting is at fault, 2 if an argument is, 130
    after Ctrl-C, 141 if nobody reads what is printed.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    chosen = arguments[0] if arguments else None
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A file's name need not be text in any encoding: as on stderr.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        parser = make_parser([chosen] if chosen in COMMANDS else COMMANDS)
        args = parser.parse_args(arguments)
        code = args.run(args)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        print(f"pitchrope {chosen}: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # As after "| head"; python would try once more to write, at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return NOBODY_READS
    except (ImportError, OSError, ValueError) as error:
        print(f"pitchrope {chosen}: {error}", file=sys.stderr)
        return 1
