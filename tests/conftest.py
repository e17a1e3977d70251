"""What every test may ask for. The real parts start once per session, and only when asked for."""

pytest_plugins = [
    "tests.fixtures.databases",
    "tests.fixtures.places",
    "tests.fixtures.valkey",
]
