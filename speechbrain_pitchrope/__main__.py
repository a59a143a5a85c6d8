"""``python -m speechbrain_pitchrope`` is the command ``pitchrope``."""

import sys

from speechbrain_pitchrope.cli import main

if __name__ == "__main__":
    sys.exit(main())
