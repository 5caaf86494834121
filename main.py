"""Open the studio from a clone: ``python main.py [IMAGE]``."""

import sys

from vitstudio.app import main

if __name__ == "__main__":
    sys.exit(main())
