"""The tools of the `pitchrope` command line, one module each."""
