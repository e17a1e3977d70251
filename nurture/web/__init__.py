"""The only room that knows Flask: the admin, public pages, webhooks and tracking.

`cli` starts it and `demo` visits it; nothing else may import it. Pages read through the store's
reports and write through the engine's use cases.
"""
