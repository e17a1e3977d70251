"""Nurture moves contacts through sequences of emails, and can explain every step of the way.

The rooms of this package and what each promises the others: `docs/architecture.md`.
Importing anything here does nothing: apps, engines and connections are built by functions.
"""
