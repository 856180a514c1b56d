"""``python -m cckit.cli``, where the script ``cckit`` is not on the path."""

import sys

from .main import main

sys.exit(main())
