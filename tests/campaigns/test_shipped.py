"""The campaigns that ship are right, by our check and by the published schema."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from nurture.campaigns import (
    Campaigns,
    EmailFacts,
    check,
    digest,
    parse_funnel,
    parse_sequence,
    read_campaigns,
    schema_text,
    write_sequence,
)
from nurture.campaigns.json_schema import SCHEMAS
from nurture.campaigns.yaml_text import load
from nurture.domain.conditions import holds
from nurture.domain.contact import Contact, Occurrence, Standing, Verdict
from nurture.domain.scoring import award, engagement, fit
from nurture.domain.sequence import Email, Notify
from nurture.domain.stages import StageChange, next_change
from nurture.mailer.compile import compile_email
from nurture.mailer.sources import read_source
from tests.fixtures.places import ROOT

FOLDER = ROOT / "campaigns"
TEMPLATES = ROOT / "templates" / "email"
NOW = datetime(2026, 11, 3, 9, tzinfo=UTC)
SITE = "https://lotusdesk.example.com"


@pytest.fixture(scope="module")
def shipped() -> Campaigns:
    return read_campaigns(FOLDER)


def _notices(shipped: Campaigns) -> set[str]:
    steps = [step for one in shipped.sequences.values() for step in one.steps]
    return {step.template for step in steps if isinstance(step, Notify)}


def _facts(notices: set[str]) -> dict[tuple[str, str], EmailFacts]:
    found = {}
    for folder in sorted(TEMPLATES.iterdir()):
        for language in ("vi", "en") if not folder.name.startswith("_") else ():
            source = read_source(TEMPLATES, folder.name, language)
            email = compile_email(source, notice=folder.name in notices)
            variables = {one.path: one.guarded for one in email.variables}
            links = tuple(link.url for link in email.links)
            found[folder.name, language] = EmailFacts(folder.name, language, variables, links)
    return found


def test_the_shipped_campaigns_have_no_faults(shipped: Campaigns) -> None:
    assert [str(problem) for problem in check(shipped, _facts(_notices(shipped)))] == []


def test_every_shipped_email_is_used_by_a_shipped_sequence(shipped: Campaigns) -> None:
    steps = [step for one in shipped.sequences.values() for step in one.steps]
    used = {step.template for step in steps if isinstance(step, Email)}
    assert used.isdisjoint(_notices(shipped))
    used |= _notices(shipped)
    assert used == {one.name for one in TEMPLATES.iterdir() if not one.name.startswith("_")}


def test_every_stage_has_a_sequence(shipped: Campaigns) -> None:
    stages = {one.stage for one in shipped.sequences.values() if one.stage}
    assert stages == set(shipped.funnel.order)


def test_the_stored_documents_mean_the_same_as_the_files(shipped: Campaigns) -> None:
    stored = json.loads(json.dumps(dict(shipped.documents)))
    assert parse_funnel(stored["funnel"]) == shipped.funnel
    for key, sequence in shipped.sequences.items():
        assert parse_sequence(stored[key], funnel=shipped.funnel) == sequence
        text = write_sequence(stored[key])
        assert load(text, key).document == stored[key]
        assert digest(stored[key]) == shipped.digests[key]


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_published_schema_is_current(name: str) -> None:
    remedy = (
        "run: python -c 'from pathlib import Path; from nurture.campaigns.json_schema import "
        'write_schemas; write_schemas(Path("docs/schema"))\''
    )
    published = (ROOT / "docs" / "schema" / name).read_text(encoding="utf-8")
    assert published == schema_text(name), remedy


def _validator(name: str) -> Draft202012Validator:
    schema: Mapping[str, Any] = json.loads(schema_text(f"{name}.schema.json"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_shipped_file_fits_the_published_schema_and_points_at_it(path: Path) -> None:
    name = path.stem if path.stem in ("funnel", "segments") else "sequence"
    text = path.read_text(encoding="utf-8")
    assert text.startswith(f"# yaml-language-server: $schema=../docs/schema/{name}.schema.json\n")
    errors = [error.message for error in _validator(name).iter_errors(load(text, "").document)]
    assert errors == []


@pytest.mark.parametrize(
    "step",
    [
        {"key": "a"},
        {"key": "a", "email": "x", "wait": "2d"},
        {"key": "a", "wait": "soon"},
        {"key": "a", "wait_for": {"event": "click"}},
        {"key": "a", "branch": {"cases": [{"when": {"grde": "A"}, "to": "end"}]}},
        {"key": "a", "branch": {"cases": [{"when": {"stage": "a", "tag": "b"}, "to": "end"}]}},
        {"key": "a", "branch": {"cases": [{"when": {"field": "x"}, "to": "end"}]}},
    ],
)
def test_the_schema_refuses_what_the_reader_refuses(step: dict[str, Any]) -> None:
    document = {"key": "x", "name": {"vi": "x", "en": "x"}, "stage": "lead", "steps": [step]}
    assert list(_validator("sequence").iter_errors(document))


def _grown(shipped: Campaigns, stage: str, clicks: list[tuple[int, str]]) -> Contact:
    """A contact in `stage` for 30 days who clicked these paths so many days after they came."""
    funnel = shipped.funnel
    history = tuple(
        Occurrence("click", NOW + timedelta(days=day), {"link": f"{SITE}{path}"}, id=number)
        for number, (day, path) in enumerate(clicks, start=1)
    )
    last = history[-1].occurred_at
    entries = [entry for one in history for entry in award(one, funnel.rules, 1)]
    points = engagement(entries, funnel.groups, funnel.limits, last).total
    return Contact(
        1, "a@shop.example", standing=Standing(stage, stage, NOW), engagement=points,
        grade="B", history=history,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("stage", "clicks", "to"),
    [
        ("visitor", [(14, "/guides/seven-numbers/sign-up")], "lead"),
        # Four clicks on four letters within a fortnight; no open need be known.
        ("lead", [(0, "/guides/seven-numbers/download"), (6, "/guides/regulars"),
                  (11, "/guides/margin"), (12, "/case-studies/ca-phe-may")], "mql"),
        # Five clicks, one every few days.
        ("lead", [(0, "/guides/seven-numbers/download"), (6, "/guides/regulars"),
                  (11, "/guides/margin"), (17, "/guides/messages"),
                  (23, "/case-studies/ca-phe-may")], "mql"),
        ("lead", [(5, "/pricing")], "mql"),
        ("lead", [(0, "/guides/seven-numbers/download"), (11, "/guides/margin")], None),
        ("mql", [(0, "/trial"), (2, "/trial/first-hour"), (9, "/compare")], "sql"),
        ("mql", [(0, "/trial")], None),
        ("sql", [(3, "/contract")], "opportunity"),
    ],
)  # fmt: skip
def test_thresholds_are_reached_by_what_people_really_do(
    shipped: Campaigns, stage: str, clicks: list[tuple[int, str]], to: str | None
) -> None:
    contact = _grown(shipped, stage, clicks)
    change = next_change(contact, shipped.funnel.edges, contact.history[-1].occurred_at)
    assert (change.edge.to if isinstance(change, StageChange) else None) == to


@pytest.mark.parametrize("stage", ["visitor", "lead", "mql", "sql", "opportunity"])
def test_a_purchase_makes_a_customer_of_anybody(shipped: Campaigns, stage: str) -> None:
    contact = Contact(
        1, "a@shop.example", standing=Standing(stage, stage, NOW),
        history=(Occurrence("purchase", NOW),),
    )  # fmt: skip
    edges = [edge for edge in shipped.funnel.edges if edge.to == "customer"]
    change = next_change(contact, edges, NOW)
    assert isinstance(change, StageChange)
    assert change.edge.to == "customer"


@pytest.mark.parametrize(
    ("fields", "grade"),
    [
        ({"industry": "cafe", "company_size": "10-19", "country": "Vietnam",
          "job_title": "Chủ quán", "company": "Mây"}, "A"),
        ({"industry": "cafe", "company_size": "10-19", "country": "Japan",
          "job_title": "Bookkeeper", "company": "Kumo"}, "B"),
        ({"industry": "fashion", "company_size": "1-4", "country": "France", "company": "x"}, "C"),
        ({}, "D"),
        ({"industry": "cafe", "company_size": "5-9", "country": "Vietnam", "company": "x",
          "job_title": "Sinh viên"}, "D"),
    ],
)  # fmt: skip
def test_the_fit_of_the_example_contacts(
    shipped: Campaigns, fields: dict[str, str], grade: str
) -> None:
    contact = Contact(1, "a@shop.example", fields=fields)
    funnel = shipped.funnel
    assert fit(contact, funnel.fit_rules, funnel.grades, NOW).grade == grade


def _who(shipped: Campaigns, contact: Contact) -> set[str]:
    """The shipped segments that a contact is in at NOW."""
    return {one.key for one in shipped.segments if holds(one.when, contact, NOW)}


def test_who_is_in_the_shipped_segments(shipped: Campaigns) -> None:
    def did(*what: tuple[str, int, dict[str, str]]) -> Contact:
        history = tuple(
            Occurrence(name, NOW - timedelta(days=days), properties)
            for name, days, properties in sorted(what, key=lambda one: -one[1])
        )
        return Contact(1, "a@shop.example", history=history)

    price = {"url": f"{SITE}/pricing?plan=1"}
    assert _who(shipped, did(("visit", 13, price))) == {"price-watchers"}
    assert _who(shipped, did(("click", 1, {"link": f"{SITE}/pricing"}))) == {"price-watchers"}
    assert _who(shipped, did(("visit", 14, price))) == set()
    assert _who(shipped, did(("visit", 1, {"url": f"{SITE}/guides"}))) == set()
    assert _who(shipped, did(("visit", 5, price), ("purchase", 4, {}))) == set()
    assert _who(shipped, did(("visit", 5, price), ("purchase", 15, {}))) == {"price-watchers"}

    def of(stage: str, days: int, **rest: Any) -> Contact:
        since = NOW - timedelta(days=days)
        return Contact(1, "a@shop.example", standing=Standing(stage, stage, since), **rest)

    def renews(days: int) -> dict[str, str]:
        return {"renewal_date": (NOW + timedelta(days=days)).isoformat()}

    assert _who(shipped, of("customer", 5, fields=renews(30))) == {"renewal-soon"}
    assert _who(shipped, of("advocate", 5, fields=renews(1))) == {"renewal-soon"}
    assert _who(shipped, of("customer", 5, fields=renews(31))) == set()
    assert _who(shipped, of("customer", 5, fields=renews(0))) == set()
    assert _who(shipped, of("customer", 5)) == set()
    assert _who(shipped, of("lead", 5, fields=renews(9))) == set()

    agreed = {"marketing": True}
    opened = (Occurrence("open", NOW - timedelta(days=59)),)
    hidden = (Occurrence("open", NOW - timedelta(days=9), verdict=Verdict.UNKNOWN),)
    assert _who(shipped, of("lead", 60, consents=agreed)) == {"silent-readers"}
    assert _who(shipped, of("lead", 60, consents=agreed, history=hidden)) == {"silent-readers"}
    assert _who(shipped, of("lead", 60, consents=agreed, history=opened)) == set()
    assert _who(shipped, of("lead", 59, consents=agreed)) == set()
    assert _who(shipped, of("lead", 60)) == set()
