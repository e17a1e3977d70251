"""The carriers of our mail: one module each, with sending, webhooks and its table of words.

`engine`, `wiring`, `web` and `demo` may import this room. One module per provider
keeps what was said about a message beside what was sent, and one conformance suite runs
against all of them. Unknown words of a provider become `unknown`, never an error.
"""
