"""Processes of a test's own, forked from one that has imported the product and opened nothing.

Importing it anew in each of them takes longer than most of what they are started for.
"""

import multiprocessing
from typing import Final

APART: Final = multiprocessing.get_context("forkserver")
APART.set_forkserver_preload(["nurture.cli.worker", "tests.crash.scene", "tests.engine.racing"])
