"""What use cases are given: one frozen value, built in `nurture.wiring`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from nurture.clock import Clock
from nurture.config import Secrets, Settings
from nurture.engine.definitions import Definitions
from nurture.mailer.render import Renderer
from nurture.providers.base import Provider
from nurture.providers.calling import Caller
from nurture.store.database import Database
from nurture.tracking.tokens import Tokens

# Tells the workers that these batches wait in the database. It may fail or forget; the
# reconciler asks the database what is still waiting.
Wake = Callable[[Sequence[int]], None]


@dataclass(frozen=True, slots=True)
class Dependencies:
    """The parts of a running Nurture.

    `clock` is the time contacts live in, which a demo may run fast; `wall` is the real one, for
    judging whether processes are alive. `webhooks` are the providers whose calls we understand,
    `caller` is what calls other systems.
    """

    settings: Settings
    secrets: Secrets
    clock: Clock
    wall: Clock
    database: Database
    definitions: Definitions
    renderer: Renderer
    tokens: Tokens
    provider: Provider
    webhooks: Mapping[str, Provider]
    wake: Wake
    caller: Caller
