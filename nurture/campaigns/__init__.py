"""Campaign files: YAML to domain values and back, their check and their published JSON Schema.

`engine`, `demo` and `cli` may import this room. It knows files and lines, and nothing of
databases or mail, so that `nurture check` runs on a laptop or in CI without either, and names
every fault in one go.
"""

from nurture.campaigns.checking import check, check_draft, check_folder
from nurture.campaigns.documents import condition_document, sequence_document, write_sequence
from nurture.campaigns.emails import EmailFacts
from nurture.campaigns.folder import Campaigns, campaigns_from, digest, read_campaigns
from nurture.campaigns.json_schema import schema_text
from nurture.campaigns.parse import parse_funnel, parse_sequence

__all__ = [
    "Campaigns",
    "EmailFacts",
    "campaigns_from",
    "check",
    "check_draft",
    "check_folder",
    "condition_document",
    "digest",
    "parse_funnel",
    "parse_sequence",
    "read_campaigns",
    "schema_text",
    "sequence_document",
    "write_sequence",
]
