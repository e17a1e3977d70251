"""The demo: its audience, its team, its pacer, its live view and its books.

Only `cli` may import this room. The audience works from outside, as recipients do: it
reads delivered mail and speaks HTTP, and never calls the engine, so that what the demo shows is
what the product does.
"""
