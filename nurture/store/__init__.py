"""The only SQL: typed tables, the unit of work, claims, reports and migrations.

`engine` and `wiring` may import all of it; pages and commands read through `store.reports`
and cannot import the tables, so every write passes the engine. Rules of uniqueness are
constraints here first and code elsewhere second, because only the database sees every process.
"""
