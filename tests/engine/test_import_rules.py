"""What an import does to contacts: merging, consent, stages, and who stays unmailed."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from nurture.config import Settings
from nurture.engine.addresses import ERASURE, address_key
from nurture.engine.suppress import withdraw
from nurture.engine.transactions import committed
from nurture.engine.work import Work
from nurture.errors import Invalid
from nurture.store import people, qualification, tables
from tests.engine.importing_world import consents, contacts, import_world, imported, suppress
from tests.engine.sequence_world import NOW, World

LATER = NOW + timedelta(days=1)


@pytest.fixture
def shop(settings: Settings, database_url: str, tmp_path: Path) -> Iterator[World]:
    """A published funnel for imports, on both databases."""
    made = import_world(settings, database_url, tmp_path)
    yield made
    made.close()


def test_a_row_becomes_a_contact_in_the_sequence_of_their_stage(shop: World) -> None:
    result = imported(
        shop.deps,
        "email;Họ tên;Công ty;Ngôn ngữ;Múi giờ;Số chỗ ngồi;Ngày gia hạn;Sản phẩm;Có chi nhánh;Ví\n"
        "Lan@Example.com;Nguyễn Thị Lan;Phở Lan;Tiếng Việt;UTC+7;1,200;31/12/2026;a, b;Có;x\n",
    )
    assert result.counts == {"created": 1}
    lan = contacts(shop.deps)["lan@example.com"]
    assert (lan["email"], lan["language"], lan["timezone"]) == (
        "Lan@example.com", "vi", "Etc/GMT-7",
    )  # fmt: skip
    assert lan["fields"] == {
        "first_name": "Lan", "last_name": "Nguyễn Thị", "company": "Phở Lan", "seats": 1200,
        "renewal": "2026-12-31", "products": ["a", "b"], "chain": True, "source": "fair", "vi": "x",
    }  # fmt: skip
    assert lan["address_key"] == address_key(shop.deps.secrets, "lan@example.com")
    assert "nguyen thi lan" in lan["search"]
    assert "pho lan" in lan["search"]
    assert (lan["stage"], lan["grade"], lan["runs"]) == ("lead", "A", 1)


def test_an_imported_contact_gets_the_first_email(shop: World) -> None:
    imported(shop.deps, "email,name\nlan@example.com,Lan\n")
    shop.pass_time(timedelta(days=1))
    assert [email.recipient for email in shop.box.taken] == ["lan@example.com"]


def test_empty_values_are_filled_and_others_stay(shop: World) -> None:
    imported(shop.deps, "email,first_name,company,tags\na@example.com,An,,x\n", source="fair")
    result = imported(
        shop.deps,
        "email,first_name,company,timezone,language,tags,source\n"
        "A@EXAMPLE.COM,Another,Cafe,Asia/Tokyo,en,y;x,web\n"
        "b@example.com,Binh,,,,,web\n",
        LATER,
    )
    assert result.counts == {"updated": 1, "created": 1}
    an = contacts(shop.deps)["a@example.com"]
    assert an["fields"] == {"first_name": "An", "company": "Cafe", "source": "fair"}
    assert (an["language"], an["timezone"], an["source"]) == ("vi", "Asia/Tokyo", "fair")
    assert an["tags"] == ["x", "y"]
    assert (an["updated_at"], an["created_at"]) == (LATER, NOW)


def test_new_values_replace_old_ones_only_when_asked_to(shop: World) -> None:
    imported(shop.deps, "email,first_name,company,tags\na@example.com,An,Quán A,x\n")
    imported(
        shop.deps,
        "email,first_name,company,language,tags,source\na@example.com,Anh,,en,y,web\n",
        LATER,
        overwrite=True,
    )
    an = contacts(shop.deps)["a@example.com"]
    assert an["fields"] == {"first_name": "Anh", "company": "Quán A", "source": "fair"}
    assert (an["language"], an["source"], an["tags"]) == ("en", "fair", ["x", "y"])


def test_rows_of_one_address_in_one_file_become_one_contact(shop: World) -> None:
    result = imported(
        shop.deps,
        "email,first_name,company,tags\na@example.com,,Quán A,x\n A@Example.com ,An,Other,y\n",
    )
    assert result.counts == {"created": 1, "duplicates": 1}
    found = contacts(shop.deps)
    assert list(found) == ["a@example.com"]
    assert found["a@example.com"]["fields"] == {
        "first_name": "An", "company": "Quán A", "source": "fair",
    }  # fmt: skip
    assert found["a@example.com"]["tags"] == ["x", "y"]


def test_a_tag_in_another_case_is_the_one_that_they_have(shop: World) -> None:
    imported(shop.deps, 'email,tags\na@example.com,"Vip, VIP, new"\n')
    assert contacts(shop.deps)["a@example.com"]["tags"] == ["Vip", "new"]
    imported(shop.deps, 'email,tags\na@example.com,"vip, NEW, last"\n')
    assert contacts(shop.deps)["a@example.com"]["tags"] == ["Vip", "last", "new"]


def test_a_known_contact_about_whom_nothing_is_new_is_not_touched(shop: World) -> None:
    imported(shop.deps, "email,name\na@example.com,An\n")
    result = imported(shop.deps, "email,name,x\na@example.com,An,\n", LATER)
    assert result.counts == {"unchanged": 1}
    assert contacts(shop.deps)["a@example.com"]["updated_at"] == NOW
    assert len(consents(shop.deps)) == 1


def test_letters_of_bant_join_those_that_are_known(shop: World) -> None:
    imported(shop.deps, "email,bant_budget\na@example.com,Có\n")
    imported(shop.deps, "email,bant_budget,bant_need\na@example.com,no,partial\n", LATER)
    bant = contacts(shop.deps)["a@example.com"]["fields"]["bant"]
    assert bant == {"budget": "yes", "need": "partial"}
    with shop.deps.database.read() as tx:
        log = qualification.answers(tx, [contacts(shop.deps)["a@example.com"]["id"]])
    assert [(one.letter, one.value, one.source, one.at) for one in log] == [
        ("need", "partial", "import: contacts.csv", LATER),
        ("budget", "yes", "import: contacts.csv", NOW),
    ]


def test_the_zone_of_a_company_is_read_like_that_of_a_contact(shop: World) -> None:
    result = imported(
        shop.deps,
        "email,company timezone\na@example.com,asia/tokyo\nb@example.com,Head office\n"
        "c@example.com,UTC+7\n",
    )
    assert result.counts == {"created": 3}
    assert dict(result.warnings) == {"unknown_timezone": 1}
    found = contacts(shop.deps)
    zones = [found[f"{one}@example.com"]["fields"].get("company_timezone") for one in "abc"]
    assert zones == ["Asia/Tokyo", None, "Etc/GMT-7"]


def test_values_that_make_no_sense_are_left_out_with_a_remark(shop: World) -> None:
    result = imported(
        shop.deps,
        "email,timezone,language,seats,renewal,chain\na@example.com,Mars,Klingon,many,soon,maybe\n",
    )
    assert result.counts == {"created": 1}
    assert set(result.warnings) == {
        "unknown_timezone", "unknown_language", "bad_number", "bad_date", "bad_boolean",
    }  # fmt: skip
    an = contacts(shop.deps)["a@example.com"]
    assert (an["timezone"], an["language"], an["fields"]) == ("", "vi", {"source": "fair"})
    told = [remark.told("en") for _, remark in result.warning_samples]
    assert '"Mars" is not a time zone and was left out.' in told


def test_consent_is_logged_with_where_it_came_from(shop: World) -> None:
    imported(
        shop.deps,
        "email,source,consent source\na@example.com,web,paper form 12\nb@example.com,web,\n"
        "c@example.com,,\n",
        topics=("marketing", "product"),
    )
    log = consents(shop.deps)
    assert len(log) == 6
    assert {(address, source) for address, _, granted, source in log if granted} == {
        ("a@example.com", "import: contacts.csv: paper form 12"),
        ("b@example.com", "import: contacts.csv: web"),
        ("c@example.com", "import: contacts.csv: fair"),
    }
    assert contacts(shop.deps)["a@example.com"]["consents"] == {"marketing": True, "product": True}


def test_without_a_source_of_consent_only_contacts_who_consented_go_in(shop: World) -> None:
    imported(shop.deps, "email\na@example.com\n", source="fair")
    result = imported(
        shop.deps, "email,name\na@example.com,An\nb@example.com,Binh\n", LATER, source=""
    )
    assert result.counts == {"updated": 1, "rejected": 1}
    assert [one.reason.code for one in result.rejected_samples] == ["no_consent_source"]
    assert list(contacts(shop.deps)) == ["a@example.com"]


def test_a_row_that_says_no_is_rejected(shop: World) -> None:
    text = "email,consent\na@example.com,Không\nb@example.com,perhaps\nc@example.com,yes\n"
    result = imported(shop.deps, text)
    codes = [one.reason.code for one in result.rejected_samples]
    assert codes == ["not_agreed", "unclear_consent"]
    assert list(contacts(shop.deps)) == ["c@example.com"]


def test_only_a_yes_in_a_column_of_consent_is_consent(shop: World) -> None:
    imported(shop.deps, "email\nold@example.com\n")
    text = (
        "email,Đồng ý nhận tin,Nhận email\na@example.com,,có\nb@example.com,không,có\n"
        "c@example.com,có,no\nd@example.com\ne@example.com,N/A,có\nf@example.com,Có,x\n"
        "old@example.com,,\n"
    )
    result = imported(shop.deps, text, LATER)
    codes = [one.reason.code for one in result.rejected_samples]
    assert codes == ["no_consent", "not_agreed", "not_agreed", "no_consent", "no_consent"]
    found = contacts(shop.deps)
    assert set(found) == {"f@example.com", "old@example.com"}
    assert all(one["consents"] == {"marketing": True} for one in found.values())
    shop.pass_time(timedelta(days=2))
    assert {email.recipient for email in shop.box.taken} == set(found)


def test_consent_that_was_withdrawn_stays_withdrawn(shop: World) -> None:
    imported(shop.deps, "email\na@example.com\n")
    contact_id = contacts(shop.deps)["a@example.com"]["id"]

    def leave(work: Work) -> None:
        people.lock(work.tx, [contact_id])
        work.see([contact_id], history=False)
        withdraw(work, contact_id, "marketing", "test", by="recipient")

    committed(shop.deps, NOW, leave)
    result = imported(shop.deps, "email,name\na@example.com,An\n", LATER)
    assert result.warnings == {"withdrawn": 1}
    assert contacts(shop.deps)["a@example.com"]["consents"] == {"marketing": False}
    shop.pass_time(timedelta(days=2))
    assert shop.box.taken == []


def test_a_suppressed_address_stays_suppressed(shop: World) -> None:
    suppress(shop.deps, "a@example.com", "global", "hard_bounce")
    suppress(shop.deps, "b@example.com", "marketing", "unsubscribed")
    result = imported(shop.deps, "email\na@example.com\nb@example.com\nc@example.com\n")
    assert result.counts == {"created": 3}
    assert result.warnings == {"suppressed": 1, "withdrawn": 1}
    shop.pass_time(timedelta(days=2))
    assert [email.recipient for email in shop.box.taken] == ["c@example.com"]
    assert contacts(shop.deps)["a@example.com"]["runs"] == 0
    with shop.deps.database.read() as tx:
        lifted = tx.execute(sa.select(tables.Suppression.lifted_at)).scalars().all()
    assert lifted == [None, None]


def test_who_was_erased_is_neither_stored_nor_mailed_again(shop: World) -> None:
    suppress(shop.deps, "a@example.com", "global", ERASURE)
    result = imported(shop.deps, "email,name\nA@Example.com,An\n")
    assert result.counts == {"rejected": 1}
    (rejected, *_) = result.rejected_samples
    assert rejected.reason.code == "erased"
    for language, words in (("en", "sign up"), ("vi", "tự đăng ký")):
        told = rejected.reason.told(language)
        assert words in told, "what a marketer may do: let them come themselves"
        assert "nurture contact lift" in told
    assert contacts(shop.deps) == {}
    assert consents(shop.deps) == []


def test_the_stage_is_that_of_the_row_else_that_of_the_source(shop: World) -> None:
    result = imported(
        shop.deps,
        "email,stage,source\na@example.com,customer,web\nb@example.com,TIỀM NĂNG,web\n"
        "c@example.com,,referral\nd@example.com,,web\ne@example.com,boss,web\n",
    )
    found = contacts(shop.deps)
    assert {address[0]: (one["stage"], one["runs"]) for address, one in found.items()} == {
        "a": ("customer", 0), "b": ("mql", 1), "c": ("mql", 1), "d": ("lead", 1),
    }  # fmt: skip
    assert [one.reason.code for one in result.rejected_samples] == ["unknown_stage"]


def test_a_contact_who_stands_somewhere_keeps_standing_there(shop: World) -> None:
    imported(shop.deps, "email,stage\na@example.com,mql\n")
    imported(shop.deps, "email,stage\na@example.com,lead\n", LATER, overwrite=True)
    an = contacts(shop.deps)["a@example.com"]
    assert (an["stage"], an["runs"]) == ("mql", 1)


def test_whom_the_rules_move_on_at_once_enters_one_sequence_only(shop: World) -> None:
    imported(shop.deps, "email,tags\na@example.com,hot\n")
    an = contacts(shop.deps)["a@example.com"]
    assert (an["stage"], an["runs"]) == ("mql", 1)
    with shop.deps.database.read() as tx:
        opened = tx.execute(
            sa.select(tables.Sequence.key).join(
                tables.Enrollment, tables.Enrollment.sequence_id == tables.Sequence.id
            )
        )
        assert opened.scalars().all() == ["mql-letters"]


def test_topics_that_the_funnel_does_not_have_are_refused(shop: World) -> None:
    with pytest.raises(Invalid, match="no topic 'spam'"):
        imported(shop.deps, "email\na@example.com\n", topics=("spam",))


def test_a_dry_run_counts_what_would_be_and_writes_nothing(shop: World) -> None:
    imported(shop.deps, "email,name\nold@example.com,\n")
    text = "email,name\nold@example.com,Old\nnew@example.com,\nnew@example.com,\nbad\n"
    result = imported(shop.deps, text, LATER, dry_run=True)
    assert result.counts == {"updated": 1, "created": 1, "duplicates": 1, "rejected": 1}
    assert list(contacts(shop.deps)) == ["old@example.com"]
    assert imported(shop.deps, text, LATER).counts == result.counts
