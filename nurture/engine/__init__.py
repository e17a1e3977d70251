"""Use cases: one function is one transaction, and `now` is an argument.

`jobs`, `web`, `demo` and `cli` may import this room. It reads from the store, asks the
domain, writes what was decided, commits, and only then wakes anybody. No transaction stays
open across a call to a provider, and every function may be run twice.
"""
