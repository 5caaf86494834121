"""Scripts in an interpreter of their own, which has imported nothing yet."""

from __future__ import annotations

import json
import os
import subprocess
import sys


def said(script: str, **environment: str) -> object:
    """What a script prints as JSON in its last line.

    Parameters
    ----------
    environment
        Variables beside those of this process.
    """
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONWARNINGS": "ignore", **environment},
    )
    assert done.returncode == 0, done.stderr
    found: object = json.loads(done.stdout.splitlines()[-1])
    return found
