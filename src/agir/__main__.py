"""`python -m agir` is the command `agir`."""

import sys

from agir.cli import main

sys.exit(main())
