"""Whatever a file can say survives being opened and saved in the editor."""

from typing import Any

import pytest
from flask import Flask, g
from hypothesis import HealthCheck, given, settings

from nurture.campaigns import sequence_document
from nurture.campaigns.folder import read_campaigns
from nurture.domain.funnel import Funnel
from nurture.domain.sequence import Sequence
from nurture.engine.drafts import Draft
from nurture.web.admin.sequence_desk import Desk, Faults
from nurture.web.admin.sequence_drafts import settings_page
from nurture.web.admin.sequence_forms import KINDS, blank, kind_of, step_from
from nurture.web.admin.sequence_names import Known
from nurture.web.admin.sequence_settings import settings_from
from nurture.web.admin.sequence_steps import step_page
from nurture.web.i18n import use_language
from tests.campaigns.strategies import sequences
from tests.fixtures.places import ROOT
from tests.web.forms import forms_of
from tests.web.people import lan
from tests.web.planted import engine, pages

__all__ = ["engine", "pages"]

CAMPAIGNS = read_campaigns(ROOT / "campaigns")
UNHURRIED = settings(
    max_examples=60, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)  # fmt: skip


def desk_of(document: dict[str, Any], funnel: Funnel = CAMPAIGNS.funnel) -> Desk:
    draft = Draft("k", document, 3, saved=True, saved_at=None, saved_by="", number=1, published={})
    return Desk(draft, Known(funnel, ()), Faults())


def opened_and_saved(app: Flask, document: dict[str, Any]) -> dict[str, Any]:
    """Open every form of a draft, touch nothing, and save it."""
    desk = desk_of(document)
    with app.test_request_context("/sequences/k/draft"):
        g.user = lan()
        use_language("en")
        page = settings_page(desk, document, Faults(), None)
        (fields,) = [one for one in forms_of(page).values() if "way" in one]
        after = settings_from(fields, document)
        steps = []
        for number, step in enumerate(document["steps"], 1):
            page = step_page(desk, step, number, Faults(), None)
            (fields,) = [one for one in forms_of(page).values() if "kind" in one]
            assert fields["kind"] == kind_of(step)
            steps.append(step_from(fields, fields["kind"], step))
        return {**after, "steps": steps}


@UNHURRIED
@given(sequences())
def test_nothing_that_a_file_can_say_is_lost_or_changed(app: Flask, sequence: Sequence) -> None:
    document = sequence_document(sequence)
    assert opened_and_saved(app, document) == document


@pytest.mark.parametrize("key", sorted(CAMPAIGNS.sequences))
def test_every_sequence_that_ships_survives_the_editor(app: Flask, key: str) -> None:
    document = sequence_document(CAMPAIGNS.sequences[key])
    assert opened_and_saved(app, document) == document


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_step_is_saved_as_its_form_shows_it(app: Flask, kind: str) -> None:
    document = {"key": "k", "name": {"vi": "a", "en": "b"}, "steps": [blank(kind, "new")]}
    once = opened_and_saved(app, {**document, "stage": "lead"})
    assert kind_of(once["steps"][0]) == kind
    assert opened_and_saved(app, once) == once
