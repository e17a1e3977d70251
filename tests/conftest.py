"""What every test may ask for. The real parts start once per session, and only when asked for."""

import pytest
from hypothesis import settings

pytest_plugins = [
    "tests.fixtures.databases",
    "tests.fixtures.places",
    "tests.fixtures.statements",
    # After the two that it imports: pytest rewrites a module only before its first import.
    "tests.fixtures.gardens",
    "tests.fixtures.valkey",
]

# These start processes of the product and wait for them, a minute and more. They go first, so that
# at the end of a run no worker is left over one of them while the others have nothing to do.
LONGEST = (
    "tests/demo/test_demo.py",
    "tests/crash/test_kills.py",
    "tests/jobs/test_processes.py",
    "tests/test_benchmarks.py",
    "tests/crash/test_messenger_kills.py",
)

# A property is about results. How long one example takes on a busy machine says nothing.
settings.register_profile("nurture", deadline=None)
# `--hypothesis-profile=long` is for a night: many more examples, and other ones each time.
settings.register_profile("long", deadline=None, max_examples=2000)
settings.load_profile("nurture")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest tests first; all others keep their order."""
    ranks = {file: rank for rank, file in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.nodeid.partition("::")[0], len(LONGEST)))
