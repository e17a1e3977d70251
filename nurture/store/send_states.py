"""The states in which something is still to be done about a send, each with an index of its own.

They are literals and not parameters: only so can a plan that is made once, and kept, use such an
index, and only so does SQLite see that it may.
"""

import sqlalchemy as sa

from nurture.store.tables import Send

QUEUED = Send.status == sa.literal_column("'queued'")
CLAIMED = Send.status == sa.literal_column("'claimed'")
UNCERTAIN = Send.status == sa.literal_column("'uncertain'")
