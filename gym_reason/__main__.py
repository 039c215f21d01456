"""`python -m gym_reason`: the command, wherever it is installed."""

import sys

from gym_reason.cli import main

if __name__ == "__main__":
    sys.exit(main())
