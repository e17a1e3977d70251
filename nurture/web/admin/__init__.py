"""The admin's pages, one blueprint for each place of the rail.

Pages read through the store's reports and write through the engine's use cases; nothing but the
application imports them.
"""
