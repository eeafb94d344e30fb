"""Root may read everything; a process without two of its capabilities may not."""

from __future__ import annotations

import os
import shutil

import pytest


def held_to_permissions() -> list[str]:
    """What to put before a command so that permissions of files hold for it, run by root or not."""
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("root may read everything, and setpriv (util-linux) is not installed")
    return ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
