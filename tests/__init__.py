"""Tests, in folders that mirror the rooms; what many of them share is in `tests/fixtures`."""
