"""`python -m pimsim`: the same commands as `pimsim`."""

import sys

from pimsim.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
