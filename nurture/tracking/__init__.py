"""Pure functions on what recipients touch: tokens, links, and human or machine verdicts.

`mailer`, `engine`, `jobs` and `web` may import this room. It takes keys, text and hits as
arguments and reads nothing itself, so that forging, rewriting and judging can be tested by
properties over any input.
"""
