"""What every test may ask for. The real parts start once per session, and only when asked for."""

from hypothesis import settings

pytest_plugins = [
    "tests.fixtures.databases",
    "tests.fixtures.places",
    "tests.fixtures.statements",
    # After the two that it imports: pytest rewrites a module only before its first import.
    "tests.fixtures.gardens",
    "tests.fixtures.valkey",
]

# A property is about results. How long one example takes on a busy machine says nothing.
settings.register_profile("nurture", deadline=None)
# `--hypothesis-profile=long` is for a night: many more examples, and other ones each time.
settings.register_profile("long", deadline=None, max_examples=2000)
settings.load_profile("nurture")
