"""`python -m logan`: the same as the `logan` command."""

from __future__ import annotations

import sys

from logan.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
