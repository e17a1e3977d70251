"""The only room that knows Flask: the admin, public pages, webhooks and tracking."""
