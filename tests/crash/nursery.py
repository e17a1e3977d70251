"""Where messengers come from: a process that has loaded everything once, and forks them.

`hire NAME` begins one and is answered by its process id; `wait PID` by its exit status, negative
for a signal. A real process each, and there in no time.
"""

import gc
import os
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path

from nurture.jobs.roles import main
from tests.crash.scene import be_alone


def serve(line: Connection, environment: Mapping[str, str], log: Path) -> None:
    """Do as is said until nobody says anything more."""
    be_alone(environment, log)
    gc.freeze()  # Else each of them copies every page that its collector looks at.
    while True:
        try:
            word, what = line.recv().split()
        except EOFError:
            return
        if word == "hire":
            process = os.fork()
            if not process:
                os._exit(main("messenger", what, -1))
            answer = process
        else:
            answer = os.waitstatus_to_exitcode(os.waitpid(int(what), 0)[1])
        line.send(answer)
