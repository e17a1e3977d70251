"""The command line: one module for each noun.

Nothing imports this room. A command reads its arguments, builds what it needs in `wiring`,
calls one use case of the engine, and prints what came of it; it decides nothing itself.
"""

from nurture.cli.main import main

__all__ = ["main"]
