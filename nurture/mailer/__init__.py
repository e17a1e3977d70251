"""From an email's source to the bytes that leave: compiled at publish, composed at send.

`engine`, `demo`, `cli` and `web` (for previews) may import this room. What is the same for every
contact is done once, when a sequence is published; what remains per contact is one render, one
substitution of links and one message of bytes.
"""
