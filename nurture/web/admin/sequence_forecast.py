"""Who runs out of content when: a part of a sequence's page that takes a moment to reckon."""

from flask import render_template

from nurture.engine.forecast import forecast
from nurture.web.admin.sequence_names import known, title_of
from nurture.web.admin.sequence_place import sequences
from nurture.web.dependencies import dependencies

# Fewer than on the command line: somebody waits for the page.
SAMPLE = 600


@sequences.get("/<key>/forecast")
def show_forecast(key: str) -> str:
    """The forecast of one sequence, on a page of its own and as a part of the sequence's."""
    given = dependencies()
    (found,) = forecast(given.engine, given.clock.now(), key, SAMPLE)
    listed = next(one for one in known(given.engine).listed if one.key == key)
    return render_template(
        "sequences/forecast.html",
        it=found,
        title=title_of(listed),
        key=key,
    )
