"""Where messengers come from: `python nursery.py` has loaded everything once, and forks them.

`hire NAME` on standard input begins one and answers its process id; `wait PID` answers its exit
status, negative for a signal. A real process each, and there in no time.
"""

import os
import sys

from nurture.jobs.roles import main


def serve() -> None:
    """Do as is said until nobody says anything more."""
    for line in sys.stdin:
        word, what = line.split()
        if word == "hire":
            process = os.fork()
            if not process:
                os._exit(main("messenger", what, -1))
            answer = process
        else:
            answer = os.waitstatus_to_exitcode(os.waitpid(int(what), 0)[1])
        print(answer, flush=True)  # noqa: T201 - told to the test


if __name__ == "__main__":
    serve()
