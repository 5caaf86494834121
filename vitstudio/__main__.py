"""The command line as ``python -m vitstudio``."""

import sys

from vitstudio.cli import main

if __name__ == "__main__":
    sys.exit(main())
