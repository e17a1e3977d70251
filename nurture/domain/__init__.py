"""Values and rules: contacts, conditions, sequences, enrollments, scoring, stages, timing.

Everything may import this room; it imports the standard library and nothing that reads a
clock, a file or a network, so that every rule is a function of its arguments: state, event
and `now` in, decisions out. That makes the rules testable in milliseconds, simulable and
explainable: what the admin shows as the reason is the value the engine acted on.
"""
