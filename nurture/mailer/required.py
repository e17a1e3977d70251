"""What the law wants in every commercial email: a way out, and who sent it.

CAN-SPAM (15 USC 7704(a)(3) and (5)), CASL and Gmail's sender guidelines ask for both in the
body itself; a header alone does not do. Both parts are checked, since some readers see only one.
"""

from collections.abc import Iterator
from typing import Final

from jinja2 import nodes

from nurture.mailer.language import Fault
from nurture.mailer.linking import is_own
from nurture.mailer.variables import path_of
from nurture.tracking.markup import anchors, decode

_NEEDED: Final = {
    "unsubscribe_url": (
        "the {part} part has no unsubscribe link",
        'Add <a href="{{{{ unsubscribe_url }}}}">…</a> outside of any condition.',
    ),
    "sender.address": (
        "the {part} part has no postal address",
        "Add {{{{ sender.address }}}} outside of any condition.",
    ),
}


def required_faults(part: str, tree: nodes.Template, template: str) -> Iterator[Fault]:
    """What this part (HTML or text) lacks; text inside a condition or loop does not count."""
    shown = {
        path_of(child)
        for output in tree.body
        if isinstance(output, nodes.Output)
        for child in output.nodes
    }
    for path, (message, remedy) in _NEEDED.items():
        linked = path != "unsubscribe_url" or part != "HTML" or _links_out(template)
        if path not in shown or not linked:
            yield Fault(0, message.format(part=part), remedy.format())


def _links_out(page: str) -> bool:
    return any(
        is_own(decode(page[span.start : span.end])) and "unsubscribe" in page[span.start : span.end]
        for anchor in anchors(page)
        if not anchor.outlook
        for span in anchor.hrefs
    )
