"""One process alone: `python -m nurture.jobs ROLE NAME LIFELINE [LINE WORKERS]`."""

import sys

from nurture.jobs.roles import main

if __name__ == "__main__":
    role, name, *numbers = sys.argv[1:]
    sys.exit(main(role, name, *map(int, numbers)))
