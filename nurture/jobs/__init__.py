"""The only Redis and RQ: queue, tasks, supervisor, ticker, hit log, recorder, embedded Valkey.

`web`, `demo` and `cli` may import this room. The database is the schedule and the truth; Redis
only wakes workers and carries hits to the recorder, so losing it loses no email. A task takes ids
in and makes one call to the engine.
"""
