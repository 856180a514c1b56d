"""``python -m cckit`` is the command ``cckit``."""

import sys

from cckit.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
