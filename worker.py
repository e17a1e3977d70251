"""The worker processes of Nurture: `python worker.py`, the same as `nurture worker`."""

from nurture.cli.worker import worker

if __name__ == "__main__":
    worker()
