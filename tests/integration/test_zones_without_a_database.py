"""Time zones by name where the system has no database of them, as in a small image."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HIDDEN = "/usr/share/zoneinfo"


@pytest.mark.parametrize("hidden", [HIDDEN, f"{HIDDEN}/Europe"])
def test_a_zone_by_name_is_known(tmp_path: Path, hidden: str) -> None:
    hide = f'mount -t tmpfs none {hidden} && exec "$@"'
    apart = ["unshare", "--mount", "sh", "-c", hide, "sh"]
    if shutil.which("unshare") is None or not Path(hidden).is_dir():
        pytest.skip("nothing to hide, or nothing to hide it with")
    if subprocess.run([*apart, "true"], check=False, capture_output=True).returncode != 0:
        pytest.skip("the database cannot be hidden without privileges")
    path = tmp_path / "app.log"
    path.write_text("2024-07-24 10:15:32 INFO started\n", "utf-8")
    command = [sys.executable, "-m", "logan", str(path), "--input-tz", "Europe/Berlin", "--json"]
    ended = subprocess.run([*apart, *command], check=False, capture_output=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["time"]["first"] == "2024-07-24T08:15:32Z"
