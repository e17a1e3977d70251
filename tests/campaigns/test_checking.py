"""What the check refuses, though each file can be read by itself."""

# ruff: noqa: E501 - The messages stand here as people see them.

import json
from pathlib import Path

import pytest

from nurture.campaigns import (
    EmailFacts,
    campaigns_from,
    check,
    check_draft,
    check_folder,
    read_campaigns,
)
from nurture.campaigns.clicks import unclicked
from nurture.errors import Invalid, NotFound
from tests.campaigns.samples import (
    FACTS,
    FUNNEL,
    SEQUENCE,
    campaigns_with,
    facts,
    faults,
    folder_with,
)


def test_campaigns_that_are_right_have_no_faults(tmp_path: Path) -> None:
    assert faults(tmp_path) == []


STEP_10 = "    email: thanks\n"
SEQUENCE_FAULTS = [
    ("stage: visitor", "stage: vistor", "3: stage: there is no stage 'vistor'. Did you mean `visitor`?"),
    ("no: end", "no: thank", "8: steps[1].wait_for.no: there is no step 'thank' to go to. "
     "Write the key of a step of this sequence, or end."),
    ("of: hello", "of: answer", "8: steps[1].wait_for.of: the step 'answer' sends no email. "
     "Write one of hello."),
    ("of: hello", "of: thanks", "8: steps[1].wait_for.of: the email 'thanks' is not sent before "
     "this step. Write one of hello."),
    ("of: hello", "of: hullo", "8: steps[1].wait_for.of: there is no step 'hullo'. Write one of hello."),
    ("event: click", "event: open", "8: steps[1].wait_for: an open cannot always be known, and no "
     "path says what happens then. Add `unknowable:` with the step to go to."),
    ("no: end", "no: end, unknowable: end", "8: steps[1].wait_for.unknowable: `unknowable` is only "
     "for opens: this path is never taken. Remove `unknowable`."),
    (STEP_10, STEP_10 + "    topic: offers\n",
     "11: steps[2].topic: there is no topic 'offers'. Write one of marketing."),
    (STEP_10, "    move_to: nowhere\n",
     "10: steps[2].move_to: there is no sequence 'nowhere'. Write one of welcome."),
    (STEP_10, "    move_to: welcome\n", "10: steps[2].move_to: a sequence cannot lead contacts "
     "into itself. Lead the path to a step of this sequence instead."),
    (STEP_10, "    change_stage: led\n",
     "10: steps[2].change_stage: there is no stage 'led'. Did you mean `lead`?"),
    ("stage: visitor", "stage: lead", ""),
    ("stage: visitor", "stage: visitor\nentry: {field: contry, is: VN}",
     "4: entry.field: there is no field 'contry'. Did you mean `country`?"),
    ("stage: visitor", "stage: visitor\nentry: {any: [{not: {tag: wip}}]}",
     "4: entry.any[0].not.tag: there is no tag 'wip'. Did you mean `vip`?"),
    ("stage: visitor", "stage: visitor\nentry: {grade: [A, E]}",
     "4: entry.grade: there is no grade 'E'. Write one of A, D."),
    ("stage: visitor", "stage: visitor\nentry: {temperature: warm}",
     "4: entry.temperature: there is no temperature 'warm'. Write one of cold, hot."),
    ("stage: visitor", "stage: visitor\nentry: {sequence: welcom}",
     "4: entry.sequence: there is no sequence 'welcom'. Did you mean `welcome`?"),
    ("stage: visitor", "stage: visitor\nentry: {received: helo}",
     "4: entry.received: there is no email 'helo'. Did you mean `hello`?"),
    ("stage: visitor", "stage: visitor\nentry: {consent: offers}",
     "4: entry.consent: there is no topic 'offers'. Write one of marketing."),
    ("stage: visitor", "stage: visitor\nentry: {field: country, after: soon}",
     "4: entry.after: 'soon' is not a date. Write 2026-09-02, or now."),
    ("stage: visitor", "stage: visitor\nexits: [{reason: gone, when: {stage: led}}]",
     "4: exits[0].when.stage: there is no stage 'led'. Did you mean `lead`?"),
    ("stage: visitor", 'stage: visitor\nwindow: {days: [], from: "08:00", to: "09:00"}',
     "4: window.days: the window never opens. Name at least one day: `days: [mon, tue]`."),
    ("stage: visitor", "stage: visitor\nreentry: keyed", "4: reentry: `reentry: keyed` needs a "
     "trigger whose `key` tells one run from another. Add `key: cart_id` (or the like) to the trigger."),
    ("stage: visitor", "trigger: {event: cart, key: id}", "3: trigger.key: the trigger tells runs "
     "apart by 'id', and re-entry does not. Write `reentry: keyed`."),
    ("stage: visitor", "trigger: {event: cart, cancel: [cart]}", "3: trigger.cancel: the event "
     "'cart' would cancel the run that it starts. Name another event in `cancel`."),
    ("stage: visitor", "reentry: {after: 2d}\ntrigger: {event: cart, while_active: queue}",
     "4: trigger.while_active: what is queued begins when the run ends, and `reentry` does not let it "
     "in then. Write `reentry: one_at_a_time`, or `while_active: ignore`."),
    ("stage: visitor", "trigger: {event: cart, while_active: queue}",
     "3: trigger.while_active: what is queued begins when the run ends, and `reentry` does not let it "
     "in then. Write `reentry: one_at_a_time`, or `while_active: ignore`."),
    ("stage: visitor", "returning: resume\ntrigger: {event: cart, while_active: restart}",
     "4: trigger.while_active: a restart begins anew, and `returning: resume` goes on where the run "
     "stopped. Write `returning: skip`, or `while_active: ignore`."),
    ("stage: visitor", "trigger: {event: cart}\nreturning: restart", "4: returning: `returning: "
     "restart` is for contacts who come back, and `reentry` lets nobody. Write `reentry: {after: "
     "30d}`, or remove `returning`."),
    ("stage: visitor", "trigger: {event: cart, key: id}\nreentry: keyed\nreturning: resume",
     "5: returning: `returning: resume` has nothing to go on with: each key is entered once. Remove "
     "`returning`."),
    ("email: thanks", "leave: welcome", "10: steps[2].leave: a sequence cannot make contacts leave "
     "itself beside it. Write `exit: <reason>` instead."),
    ("email: hello", "email: helo", "6: steps[0].email: there is no email 'helo'. Did you mean `hello`?"),
]  # fmt: skip


@pytest.mark.parametrize(("right", "wrong", "told"), SEQUENCE_FAULTS)
def test_a_fault_of_a_sequence_is_told_with_its_line_and_its_remedy(
    tmp_path: Path, right: str, wrong: str, told: str
) -> None:
    found = faults(tmp_path, welcome=SEQUENCE.replace(right, wrong, 1))
    assert found == ([f"welcome.yaml:{told}"] if told else [])


FUNNEL_FAULTS = [
    ("below: 5", "below: 20", "17: edges[1].when: lead→visitor demotes at 20 and visitor→lead "
     "promotes at 20. Demote below a number smaller than 20, or contacts go to and fro."),
    ("at_least: 20}", "at_least: 50}", "13: edges[0].when: visitor→lead asks for 50 points, and all "
     "groups give 40 at most. Raise a cap or lower the threshold."),
    ("enter: 30", "enter: 50", "30: temperature[0].enter: 'hot' begins at 50, and the groups give "
     "40 at most. Raise a cap or lower it."),
    ("group: clicks", "group: click", "22: engagement.rules[0].group: there is no group 'click'. "
     "Did you mean `clicks`?"),
    ("event: click", "event: clicks", "22: engagement.rules[0].event: the event 'clicks' looks like "
     "a slip of the pen. Did you mean `click`?"),
    ("when: {field: country", "when: {field: land", "25: fit.rules[0].when.field: there is no field "
     "'land'. Declare it in funnel.yaml."),
    ("tags: [vip]", "first_stage: {form: led}",
     "37: first_stage.form: there is no stage 'led'. Did you mean `lead`?"),
    ("    to: visitor\n", "    to: visitr\n",
     "16: edges[1].to: there is no stage 'visitr'. Did you mean `visitor`?"),
    ("edges:\n", "edges:\n  - {kind: override, from: visitor, to: lead}\n",
     "10: edges[0].by: visitor→lead is an override, and the rules cannot say who wants it and why. "
     "Write `by: [sales]` or `by: [marketing]`."),
    ("edges:\n", "edges:\n  - {kind: recycle, from: lead, to: visitor, reasons: [no_budget]}\n",
     "10: edges[0].by: lead→visitor has reasons, and only the rules take it, which give none. "
     "Let `sales` or `marketing` take it, or leave `reasons` out."),
    ("edges:\n", "  - {key: lost, name: {vi: Mất, en: Lost}}\nedges:\n",
     "9: stages[2].key: nobody can ever reach the stage 'lost'. Add an edge that leads to it."),
    ("tags: [vip]", "hold_out: {default: 5, side: 5}",
     "37: hold_out.side: no sequence is of the track 'side', so nobody would be held out. "
     "Write `track: side` in a sequence, or remove it from `hold_out`."),
    ("tags: [vip]", "hold_out: {defalt: 5}", "37: hold_out.defalt: no sequence is of the track "
     "'defalt', so nobody would be held out. Did you mean `default`?"),
]  # fmt: skip


@pytest.mark.parametrize(("right", "wrong", "told"), FUNNEL_FAULTS)
def test_a_fault_of_the_funnel_is_told_with_its_line_and_its_remedy(
    tmp_path: Path, right: str, wrong: str, told: str
) -> None:
    assert right in FUNNEL
    found = faults(tmp_path, funnel=FUNNEL.replace(right, wrong, 1))
    assert found == [f"funnel.yaml:{told}"]


def test_a_stage_change_needs_an_edge_that_the_rules_may_take(tmp_path: Path) -> None:
    funnel = FUNNEL.replace("at_least: 20}", "at_least: 20}\n    by: [sales]")
    text = SEQUENCE.replace("email: thanks", "change_stage: lead")
    assert faults(tmp_path, funnel=funnel, welcome=text) == [
        "welcome.yaml:10: steps[2].change_stage: no edge that the rules may take leads from "
        "'visitor' to 'lead'. Add the edge to funnel.yaml, with `by: [rules]`."
    ]


def test_two_sequences_for_one_stage_need_different_priorities(tmp_path: Path) -> None:
    assert faults(tmp_path, again=SEQUENCE.replace("key: welcome", "key: again", 1)) == [
        "welcome.yaml:3: stage: 'again' takes the same stage with the same priority. "
        "Give one of them a higher `priority`."
    ]


def test_sequences_of_two_tracks_share_a_stage_and_may_have_the_same_priority(
    tmp_path: Path,
) -> None:
    again = SEQUENCE.replace("key: welcome", "key: again\ntrack: side", 1)
    funnel = FUNNEL.replace("tags: [vip]", "hold_out: {side: 5}")
    assert faults(tmp_path, funnel=funnel, again=again) == []
    third = again.replace("key: again", "key: third")
    assert faults(tmp_path, funnel=funnel, again=again, third=third) == [
        "third.yaml:4: stage: 'again' takes the same stage with the same priority. "
        "Give one of them a higher `priority`."
    ]


def test_entering_beside_is_for_triggered_sequences_and_for_those_of_other_tracks(
    tmp_path: Path,
) -> None:
    text = SEQUENCE.replace("email: thanks", "enter: other")
    other = _other("other", "visitor", "{key: a, email: thanks}", more="priority: 1\n")
    assert faults(tmp_path, welcome=text, other=other) == [
        "welcome.yaml:10: steps[2].enter: 'other' is of the same track, and a contact is in one "
        "at a time. Enter a triggered sequence, or write `move_to`."
    ]
    beside = other.replace("priority: 1", "track: side")
    assert faults(tmp_path, welcome=text, other=beside) == []
    elsewhere = beside.replace("stage: visitor", "stage: lead")
    assert faults(tmp_path, welcome=text, other=elsewhere) == [
        "welcome.yaml:10: steps[2].enter: 'other' is for the stage 'lead', and nobody here is in "
        "it. Write `change_stage: lead`."
    ]


def _other(key: str, stage: str, *steps: str, more: str = "") -> str:
    listed = "".join(f"  - {step}\n" for step in steps)
    return f"key: {key}\nname: {{vi: a, en: a}}\nstage: {stage}\n{more}steps:\n{listed}"


def test_a_move_to_a_sequence_of_another_stage_is_refused(tmp_path: Path) -> None:
    other = _other("other", "lead", "{key: a, email: hello}")
    text = SEQUENCE.replace("email: thanks", "move_to: other")
    assert faults(tmp_path, welcome=text, other=other) == [
        "welcome.yaml:10: steps[2].move_to: 'other' is for the stage 'lead', and nobody here is "
        "in it. Write `change_stage: lead`."
    ]


def test_a_circle_of_moves_without_a_wait_is_refused_and_so_is_one_nobody_can_go_again(
    tmp_path: Path,
) -> None:
    one = _other("one", "visitor", "{key: a, email: hello}", "{key: b, move_to: two}")
    two = _other(
        "two", "visitor", "{key: a, move_to: one}", more="reentry: one_at_a_time\npriority: 1\n"
    )
    welcome = SEQUENCE.replace("stage: visitor", "stage: lead")
    assert faults(tmp_path, welcome=welcome, one=one, two=two) == [
        "one.yaml:1: reentry: contacts who go round one → two → one may not enter 'one' again. "
        "Write `reentry: {after: 30d}`.",
        "one.yaml:4: steps: contacts would go round one → two → one without a wait of at least "
        "an hour. Put a `wait` before one of the moves.",
    ]
    calm = one.replace("stage: visitor", "stage: visitor\nreentry: one_at_a_time")
    calm = calm.replace("  - {key: b", "  - {key: w, wait: 1h}\n  - {key: b")
    assert faults(tmp_path, welcome=welcome, one=calm, two=two) == []


def test_an_email_must_be_written_in_both_languages(tmp_path: Path) -> None:
    emails = {key: one for key, one in FACTS.items() if key != ("hello", "vi")}
    assert faults(tmp_path, emails) == [
        "welcome.yaml:6: steps[0].email: the email 'hello' is not written in Vietnamese. "
        "Add templates/email/hello/subject.vi.txt and body.vi.mjml."
    ]


VARIABLES = [
    ("contact.first_name", False, ""),
    ("contact.email", False, ""),
    ("sender.name", False, ""),
    ("unsubscribe_url", False, ""),
    ("event.total", True, ""),
    ("contact.country", True, ""),
    ("contact.country", False, "`contact.country` in hello (English) has no value for contacts "
     "whose country is not known. Write {{ contact.country | default('…') }}, or give the field a "
     "default in English in funnel.yaml."),
    ("contact.persona_name", True, ""),
    ("contact.persona_name", False, "`contact.persona_name` in hello (English) has no value for "
     "contacts who are like no persona. Write {{ contact.persona_name | default('…') }}."),
    ("contact.frist_name", True, "`contact.frist_name` in hello (English) is a field that "
     "funnel.yaml does not declare. Did you mean `first_name`?"),
    ("contact.shoe", True, "`contact.shoe` in hello (English) is a field that funnel.yaml does not "
     "declare. Declare `shoe` under `fields`."),
    ("sender.nmae", False, "`sender.nmae` in hello (English) is not known. Did you mean `name`?"),
    ("event.total", False, "`event.total` in hello (English) has no value: this sequence is not "
     "started by an event. Write {{ event.total | default('…') }}."),
    ("contcat.first_name", False, "`contcat.first_name` in hello (English) is not known. "
     "Did you mean `contact`?"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "guarded", "told"), VARIABLES)
def test_a_variable_that_somebody_has_no_value_for_is_refused(
    tmp_path: Path, path: str, guarded: bool, told: str
) -> None:
    emails = FACTS | {("hello", "en"): EmailFacts("hello", "en", {path: guarded})}
    expected = [f"welcome.yaml:6: steps[0].email: {told}"] if told else []
    assert faults(tmp_path, emails) == expected


def test_a_link_that_is_waited_for_must_stand_in_the_email(tmp_path: Path) -> None:
    text = SEQUENCE.replace("of: hello,", 'of: hello, where: {link: "*/pricing*"},')
    links = ("https://lotus.example/prices",)
    emails = FACTS | {
        ("hello", lang): EmailFacts("hello", lang, {}, links) for lang in ("vi", "en")
    }
    place = "welcome.yaml:8: steps[1].wait_for.where"
    assert faults(tmp_path, emails, welcome=text) == [
        f"{place}: no link in hello ({language}) fits '*/pricing*'. Its links are {links[0]}."
        for language in ("English", "Vietnamese")
    ]
    right = {key: EmailFacts(*key, {}, ("https://lotus.example/pricing",)) for key in emails}
    assert faults(tmp_path, right, welcome=text) == []


@pytest.mark.parametrize(
    ("wanted", "link", "fits"),
    [
        ("*/cart/*", "https://lotus.example/cart/{{ event.cart_id }}", True),
        ("https://lotus.example/cart/*", "https://lotus.example/cart/{{ event.cart_id }}", True),
        ("*/cart/*/pay", "https://lotus.example/cart/{{ event.cart_id }}/pay?a=b", False),
        ("*/pricing*", "https://lotus.example/cart/{{ event.cart_id }}", False),
        # Where a link leads one contact is no click's to tell.
        ("https://lotus.example/cart/42", "https://lotus.example/cart/{{ event.cart_id }}", False),
        ("*/pricing*", "{{ event.url }}", False),
        ("*", "{{ event.url }}", True),
    ],
)
def test_a_link_with_a_merge_field_is_waited_for_as_it_is_written(
    tmp_path: Path, wanted: str, link: str, fits: bool
) -> None:
    text = SEQUENCE.replace("of: hello,", f'of: hello, where: {{link: "{wanted}"}},')
    emails = FACTS | {
        ("hello", language): EmailFacts("hello", language, {}, (link,)) for language in ("vi", "en")
    }
    assert faults(tmp_path, emails, welcome=text) == [
        f"welcome.yaml:8: steps[1].wait_for.where: no link in hello ({language}) fits {wanted!r}. "
        f"Its links are {link}; write * in the place of a merge field."
        for language in ("English", "Vietnamese")
        if not fits
    ]


PRICES = "https://lotus.example/pricing"


def unclicked_in(tmp_path: Path, links: tuple[str, ...] = (PRICES,), **texts: str) -> list[str]:
    """What is told of links that nobody can click, where the email `hello` has `links`."""
    emails = FACTS | {
        ("hello", language): EmailFacts("hello", language, {}, links) for language in ("vi", "en")
    }
    found = unclicked(campaigns_with(tmp_path, **texts), emails)
    return [str(one).removeprefix(f"{tmp_path}/") for one in found]


NO_EMAIL = (
    "no email has a link that fits '*/pricng*'. Did you mean `https://lotus.example/pricing`?"
)


@pytest.mark.parametrize(
    ("changed", "place"),
    [
        ("exits: [{reason: gone, when: {not: {did: click, where: {link: '*/pricng*'}}}}]",
         "exits[0].when.not.where.link"),
        ("entry: {any: [{did: click, where: {link: ['*/pricing', '*/pricng*']}}]}",
         "entry.any[0].where.link"),
    ],
)  # fmt: skip
def test_a_link_that_no_email_has_is_warned_of_wherever_a_click_on_it_is_asked_for(
    tmp_path: Path, changed: str, place: str
) -> None:
    text = SEQUENCE.replace("stage: visitor", f"stage: visitor\n{changed}")
    assert unclicked_in(tmp_path, welcome=text) == [f"welcome.yaml:4: {place}: {NO_EMAIL}"]
    assert unclicked_in(tmp_path, welcome=text.replace("pricng", "pricing")) == []
    # Of another event the link is the site's to know.
    assert unclicked_in(tmp_path, welcome=text.replace("did: click", "did: visit")) == []


@pytest.mark.parametrize(
    ("step", "place"),
    [
        ("split: {arms: [{key: a}, {key: b}], measure: {event: click, where: {link: '*/pricng*'}}}",
         "split.measure.where.link"),
        ("branch: {cases: [{when: {did: click, where: {link: '*/pricng*'}}, to: end}], else: end}",
         "branch.cases[0].when.where.link"),
        ("wait_for: {when: {did: click, where: {link: '*/pricng*'}}, within: 2d, yes: end, no: end}",
         "wait_for.when.where.link"),
        ("goal: {when: {did: click, where: {link: '*/pricng*'}}}", "goal.when.where.link"),
    ],
)  # fmt: skip
def test_a_link_that_no_email_has_is_warned_of_in_a_step(
    tmp_path: Path, step: str, place: str
) -> None:
    text = SEQUENCE.replace("    email: thanks\n", f"    {step}\n")
    assert unclicked_in(tmp_path, welcome=text) == [
        f"welcome.yaml:10: steps[2].{place}: {NO_EMAIL}"
    ]
    assert unclicked_in(tmp_path, welcome=text.replace("pricng", "pricing")) == []


def test_where_the_email_of_a_click_is_named_its_own_links_are_compared(tmp_path: Path) -> None:
    def told(where: str) -> list[str]:
        line = f"exits: [{{reason: gone, when: {{did: click, where: {where}}}}}]"
        return unclicked_in(
            tmp_path, welcome=SEQUENCE.replace("stage: visitor", f"stage: visitor\n{line}")
        )

    link = f"link: '{PRICES}'"
    # The links of thanks are none; what names no step that there is may be of another day.
    where = "welcome.yaml:4: exits[0].when.where.link: no link in thanks"
    remedy = "Write a link as it is written in the email; * stands for any letters."
    both = [
        f"{where} ({language}) fits '{PRICES}'. {remedy}" for language in ("English", "Vietnamese")
    ]
    assert told(f"{{step: thanks, {link}}}") == both
    assert told(f"{{content: thanks, sequence: welcome, {link}}}") == both
    assert told(f"{{step: hello, {link}}}") == []
    assert told(f"{{step: hello, sequence: other, {link}}}") == []
    assert told(f"{{step: gone, {link}}}") == []


def test_links_in_the_funnel_and_in_segments_are_compared_too(tmp_path: Path) -> None:
    funnel = FUNNEL.replace("points: 5", "points: 5, where: {link: '*/pricng*'}")
    segments = (
        "segments:\n  - {key: keen, name: {vi: a, en: b},"
        " when: {did: click, where: {link: '*/pricng*'}}}\n"
    )
    told = unclicked_in(tmp_path, funnel=funnel, segments=segments)
    assert told == [
        f"funnel.yaml:22: engagement.rules[0].where.link: {NO_EMAIL}",
        f"segments.yaml:2: segments[0].when.where.link: {NO_EMAIL}",
    ]


def test_reading_tells_the_mistakes_of_all_files_in_one_go(tmp_path: Path) -> None:
    folder = folder_with(
        tmp_path,
        {
            "funnel.yaml": FUNNEL.replace("points: 5", "points: five"),
            "welcome.yaml": SEQUENCE.replace("wait_for", "wait_four"),
            "other.yaml": SEQUENCE,
            "third.yml": SEQUENCE,
        },
    )
    with pytest.raises(Invalid) as caught:
        read_campaigns(folder)
    told = [str(problem).removeprefix(f"{folder}/") for problem in caught.value.problems]
    assert told == [
        "third.yml: this file is not read. Call it third.yaml.",
        "funnel.yaml:22: engagement.rules[0].points: 'five' is not a number. "
        "Write a number such as 10 or 2.5.",
        "other.yaml:1: key: the key 'welcome' is not the file's name. "
        "Write `key: other`, or rename the file.",
        "welcome.yaml:8: steps[1].wait_four: the key `wait_four` is not known here. "
        "Did you mean `wait_for`?",
    ]


def test_the_check_of_a_folder_tells_what_can_be_known_beside_what_cannot_be_read(
    tmp_path: Path,
) -> None:
    folder = folder_with(
        tmp_path,
        {
            "broken.yaml": "key: [\n",
            "welcome.yaml": SEQUENCE.replace("email: thanks", "move_to: broken").replace(
                "email: hello", "email: helo"
            ),
        },
    )
    told = [str(problem).removeprefix(f"{folder}/") for problem in check_folder(folder, FACTS)]
    assert len(told) == 2
    assert told[0].startswith("broken.yaml:2: the file cannot be read: ")
    assert told[1].startswith("welcome.yaml:6: steps[0].email: there is no email 'helo'.")


def test_a_folder_that_is_not_there_or_has_no_funnel_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        read_campaigns(tmp_path / "nowhere")
    with pytest.raises(Invalid, match="the funnel is missing"):
        read_campaigns(tmp_path)


def test_a_file_that_is_not_utf_8_is_told_with_its_line(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, {})
    (folder / "welcome.yaml").write_bytes("key: welcome\nname: Chào".encode("cp1258"))
    with pytest.raises(Invalid, match=r"welcome.yaml:2: the file is not UTF-8 text"):
        read_campaigns(folder)


def test_without_emails_everything_else_is_checked(tmp_path: Path) -> None:
    campaigns = campaigns_with(tmp_path, welcome=SEQUENCE.replace("no: end", "no: nowhere"))
    assert len(check(campaigns)) == 1
    assert len(check(campaigns, facts())) == 3


def test_a_draft_is_checked_beside_the_campaigns_it_would_join(tmp_path: Path) -> None:
    campaigns = campaigns_with(tmp_path)
    again = campaigns_from(json.loads(json.dumps(dict(campaigns.documents))))
    assert again.sequences == campaigns.sequences
    assert again.digests == campaigns.digests

    draft = dict(again.documents["welcome"])
    assert check_draft(again, draft, FACTS) == ()
    rival = draft | {"key": "rival"}
    assert [problem.field for problem in check_draft(again, rival, FACTS)] == ["stage"]
    wrong = draft | {"steps": [{"key": "a", "email": "helo"}, {"key": "b", "move_to": "gone"}]}
    assert [str(problem) for problem in check_draft(again, wrong, FACTS)] == [
        "steps[1].move_to: there is no sequence 'gone'. Write one of welcome.",
        "steps[0].email: there is no email 'helo'. Did you mean `hello`?",
    ]
    assert [problem.field for problem in check_draft(again, draft | {"steps": 3}, FACTS)] == [
        "steps"
    ]


def test_a_longer_circle_of_moves_is_found_from_its_first_sequence(tmp_path: Path) -> None:
    more = "reentry: one_at_a_time\n"
    ring = {
        key: _other(key, "visitor", f"{{key: b, move_to: {to}}}", more=f"{more}priority: {n}\n")
        for n, (key, to) in enumerate([("one", "two"), ("two", "three"), ("three", "one")], 1)
    }
    assert faults(tmp_path, None, **ring) == [
        "one.yaml:6: steps: contacts would go round one → two → three → one without a wait of at "
        "least an hour. Put a `wait` before one of the moves."
    ]


def test_a_circle_of_entering_or_of_resuming_without_a_wait_is_refused(tmp_path: Path) -> None:
    def two_of(rest: str, back: str) -> list[str]:
        made = {
            key: f"""key: {key}
name: {{vi: {key}, en: {key}}}
trigger: {{event: {event}}}
reentry: one_at_a_time
{back}steps:
  - {{key: a, email: hello}}
  - {{key: w, wait: {rest}}}
  - {{key: b, {word}: {to}}}
"""
            for key, event, word, to in (
                ("one", "visit", "enter", "two"),
                ("two", "form", "move_to", "one"),
            )
        }
        return faults(tmp_path, None, **made)

    assert two_of("1h", "") == []
    told = (
        "steps: contacts would go round one → two → one without a wait of at least an hour. "
        "Put a `wait` before one of the moves."
    )
    assert [one.partition(": ")[2] for one in two_of("5m", "")] == [told]
    # Whoever resumes may begin behind the wait.
    assert [one.partition(": ")[2] for one in two_of("1h", "returning: resume\n")] == [told]


ASKING = """\
key: sign-up
name: {vi: Hỏi, en: Asking}
trigger: {event: subscription_asked, key: ask}
reentry: keyed
returning: restart
steps:
  - key: please
    email: please
    topic: asking
"""
CONFIRMED = FUNNEL.replace(
    "en: Letters}}", "en: Letters}, confirm: true}\n"
    "  - {key: asking, name: {vi: Hỏi, en: Asking}, transactional: true}",
)  # fmt: skip
BUTTON = {
    ("please", lang): EmailFacts("please", lang, {"confirm_url": False, "unsubscribe_url": False})
    for lang in ("vi", "en")
}


def test_a_topic_that_wants_confirmation_needs_somebody_who_asks(tmp_path: Path) -> None:
    assert faults(tmp_path, funnel=CONFIRMED) == [
        "funnel.yaml:36: topics[0].confirm: nobody can ever confirm 'marketing': no sequence asks "
        "for it. Add one that `subscription_asked` starts, or leave out `confirm`."
    ]
    files = {"funnel": CONFIRMED, "sign-up": ASKING}
    assert faults(tmp_path, FACTS | BUTTON, **files) == []


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        (", key: ask}", ", key: topic}", "3: trigger: whoever asks again, or about a second topic, "
         "would get no letter. Write `key: ask` under `trigger`, and `reentry: keyed`."),
        ("    topic: asking\n", "", "6: steps: nobody gets the letter that asks: they have not "
         "agreed to anything yet. Send an email on a topic that is `transactional`."),
    ],
)  # fmt: skip
def test_a_sequence_that_asks_reaches_whoever_is_asked(
    tmp_path: Path, right: str, wrong: str, told: str
) -> None:
    files = {"funnel": CONFIRMED, "sign-up": ASKING.replace(right, wrong, 1)}
    assert faults(tmp_path, FACTS | BUTTON, **files) == [f"sign-up.yaml:{told}"]


def test_the_letter_that_asks_has_its_button_in_both_languages(tmp_path: Path) -> None:
    plain = EmailFacts("please", "vi", {"unsubscribe_url": False}, (), "body.vi.mjml")
    emails = FACTS | BUTTON | {("please", "vi"): plain}
    files = {"funnel": CONFIRMED, "sign-up": ASKING}
    assert faults(tmp_path, emails, **files) == [
        "sign-up.yaml:8: steps[0].email: body.vi.mjml has no button to confirm with. "
        "Link to {{ confirm_url }}."
    ]


def test_no_other_email_has_such_a_button(tmp_path: Path) -> None:
    emails = FACTS | {("hello", "en"): EmailFacts("hello", "en", {"confirm_url": False})}
    assert faults(tmp_path, emails) == [
        "welcome.yaml:6: steps[0].email: `confirm_url` in hello (English) leads nowhere: nothing "
        "was asked that could be confirmed. Use it in a sequence that `subscription_asked` starts."
    ]


def test_what_needs_no_consent_cannot_be_confirmed(tmp_path: Path) -> None:
    both = FUNNEL.replace("en: Letters}}", "en: Letters}, confirm: true, transactional: true}")
    with pytest.raises(Invalid) as caught:
        faults(tmp_path, funnel=both)
    (problem,) = caught.value.problems
    assert "nothing to confirm" in str(problem)
