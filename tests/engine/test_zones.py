"""Zones that nobody has, and those of companies: imported, told by the doctor, never in the way."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from nurture.config import Settings
from nurture.store import people
from nurture.store.people import Need
from tests.engine.world import DAY, NOW, C, World, opened


@pytest.fixture
def world(settings: Settings, database_url: str) -> Iterator[World]:
    with opened(settings, database_url) as made:
        yield made


def test_an_unknown_zone_is_told_by_the_doctor_and_blocks_nobody(world: World) -> None:
    lost = world.add_many(["ana", "ben"], timezone="Mars/Base")
    cleo = world.add("cleo", timezone="")
    with world.deps.database.begin() as tx:
        fields = {"first_name": "cleo", "company_timezone": "Head office"}
        tx.execute(sa.update(C).where(C.id == cleo).values(fields=fields))
    world.place()
    world.drive(NOW + 8 * DAY)
    assert [world.mailed(name) for name in ("ana", "ben", "cleo")] == [["hello", "again"]] * 3
    examined = world.examine()
    told = [(one.id, one.detail) for one in examined.findings if one.code == "unknown_zone"]
    assert told == [(lost[0], "'Mars/Base': 2"), (cleo, "'Head office': 1")]
    assert examined.violations == ()


@pytest.mark.parametrize(
    ("written", "read"),
    [(" Asia/Tokyo ", "Asia/Tokyo"), ("", ""), (None, ""), (7, ""), (["Asia/Tokyo"], "")],
)
def test_the_zone_of_the_company_is_a_field_of_the_contact(
    world: World, written: object, read: str
) -> None:
    ana = world.add("ana")
    with world.deps.database.begin() as tx:
        tx.execute(sa.update(C).where(C.id == ana).values(fields={"company_timezone": written}))
    with world.deps.database.read() as tx:
        assert people.contacts(tx, [ana], Need())[ana].company_timezone == read
