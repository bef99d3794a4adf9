"""`python -m agir` is the command `agir`."""

import sys

from agir.cli import main

if __name__ == "__main__":
    sys.exit(main())
