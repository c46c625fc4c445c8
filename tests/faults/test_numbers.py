"""Invoice numbers under fire: sixteen clients, forced rollbacks, the fifth digit, the day's end."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from payments.auth.models import LoginSession
from payments.installation.models import Installation
from payments.invoices.models import Invoice, InvoiceCounter
from payments.kit import clock
from payments.kit.transactions import transaction
from payments.workspaces.charges.reserve import reserve
from payments.workspaces.models import PaymentMethod, PricingPlan, Workspace
from tests.support import processes
from tests.support.people import Person, Place, sign_up
from tests.support.shop import Shop, eventually
from tests.support.site import Site, at_once, opened

CLIENTS = 16
ROUNDS = 13  # one upgrade or downgrade each: 16 x 13 = 208 invoices
NUMBER = re.compile(r"INV-(\d{8})-(\d{4,})")


def numbers_by_day(site: Site) -> dict[str, list[int]]:
    found: dict[str, list[int]] = defaultdict(list)
    # Rows that other tests made by hand have no number of a day; a counter that gave one has.
    for invoice in site.rows(Invoice, Invoice.invoice_number.startswith("INV-")):
        day, number = NUMBER.fullmatch(invoice.invoice_number).groups()
        found[day].append(int(number))
    return found


def assert_whole(site: Site, days: set[str] | None = None) -> None:
    """Every day's numbers run from 1 to its counter, each one there once."""
    counters = {f"{row.day:%Y%m%d}": row.last for row in counters_of(site)}
    numbers = numbers_by_day(site)
    for day in days or set(numbers):
        assert sorted(numbers[day]) == list(range(1, counters[day] + 1)), day


def counters_of(site: Site) -> list[InvoiceCounter]:
    def found(session):
        rows = list(session.scalars(sa.select(InvoiceCounter)))
        session.expunge_all()
        return rows

    return site.read(found)


def sign_up_for_years(site: Site) -> Person:
    """Sign up with a session that is still good in the years that these tests go to."""
    person = sign_up(site.client)
    ends = {"expires_at": datetime(2040, 1, 1, tzinfo=UTC)}
    longer = sa.update(LoginSession).where(LoginSession.user_id == person.id).values(ends)
    site.run(lambda session: session.execute(longer))
    return person


def put_on(site: Site, place: Place, plan: str) -> None:
    """Put a workspace on a plan without an invoice, so that it can be moved down again."""
    wanted = sa.select(PricingPlan.id).where(PricingPlan.slug == plan).scalar_subquery()
    change = sa.update(Workspace).where(Workspace.id == place.id).values(plan_id=wanted)
    site.run(lambda session: session.execute(change))


class TestSixteenClients:
    @pytest.fixture(autouse=True)
    def charging(self, site: Site) -> Iterator[None]:
        """A worker that leaves the PDFs alone: two hundred of them would only take time here."""
        site.clear()
        with processes.running(processes.start_worker(site.environment, queues="charges")):
            yield
        site.clear()

    def test_two_hundred_invoices_at_once(self, site, shop):
        """Sixteen clients move up and down, while others fail after they had taken a number."""
        people = [site.customer() for _ in range(CLIENTS)]
        spoilt = [self.spoilt(site) for _ in range(2)]
        before, failures = len(site.rows(Invoice)), []

        def client(person: Person, place: Place):
            def work() -> list[int]:
                moves = [("upgrade", "pro"), ("downgrade", "starter"), ("downgrade", "free")]
                moves *= ROUNDS
                return [self.move(shop, person, place, *each) for each in moves[:ROUNDS]]

            return work

        def spoiler(person: Person, place: Place):
            def work() -> list[int]:
                for _ in range(20):
                    with pytest.raises(IntegrityError):
                        self.reserve_in_vain(site, person, place)
                    failures.append(1)
                return []

            return work

        jobs = [client(*who) for who in people]
        jobs += [spoiler(*who) for who in spoilt]
        statuses = [status for answers in at_once(jobs) for status in answers]
        assert statuses == [200] * (CLIENTS * ROUNDS)
        assert len(site.rows(Invoice)) - before == CLIENTS * ROUNDS
        assert len(failures) == 40
        assert_whole(site)

    def move(self, shop: Shop, person: Person, place: Place, move: str, plan: str) -> int:
        """Move a workspace; one that is not waited for, as many others wait, is asked about."""
        path = f"/api/payments/workspace/{place.slug}/{move}-plan"
        answer = shop.call("POST", path, person, json={"planSlug": plan})
        if answer.status_code != 202:
            return answer.status_code
        where = answer.headers["Location"]
        eventually(lambda: shop.call("GET", where, person).json["data"]["status"] == "succeeded")
        return 200

    def spoilt(self, site: Site) -> tuple[Person, Place]:
        person, place = site.customer()
        assert site.shop.upgrade(person, place.slug).status_code == 200
        return person, place

    def reserve_in_vain(self, site: Site, person: Person, place: Place) -> None:
        (card,) = site.rows(PaymentMethod, PaymentMethod.workspace_id == place.id)
        plan = site.row(PricingPlan, PricingPlan.slug == "pro")
        with site.app.app_context(), transaction() as session:
            reserve(place.id, plan.id, card.id, requested_by=person.id, request_key=None)
            # A constraint breaks after the invoice has its number.
            session.add(Installation(id=1, installation_id="another"))
            session.flush()


class TestRollback:
    def test_a_number_that_was_taken_in_vain_is_given_out_again(self, site):
        """The constraint breaks after the number: the next invoice gets that very number."""
        person = sign_up_for_years(site)
        place = person.home
        day = date(2031, 1, 4)
        with clock.frozen(datetime(2031, 1, 4, 12, tzinfo=UTC)):
            self.downgraded(site, person, place)
            with pytest.raises(RuntimeError, match="after the number"), site.app.app_context():
                self.fail_after_the_number(day)
            assert self.downgraded(site, person, place) == "INV-20310104-0002"
        assert_whole(site, {"20310104"})

    def fail_after_the_number(self, day: date) -> None:
        from payments.invoices.numbering import next_number

        with transaction():
            assert next_number(day) == "INV-20310104-0002"
            raise RuntimeError("after the number")

    def downgraded(self, site: Site, person: Person, place: Place) -> str:
        put_on(site, place, "pro")
        return downgrade(site, person, place)


def downgrade(site: Site, person: Person, place: Place) -> str:
    """Move down to the free plan and return the number of the invoice that this makes."""
    path = f"/api/payments/workspace/{place.slug}/downgrade-plan"
    answer = site.shop.call("POST", path, person, json={"planSlug": "free"})
    assert answer.status_code == 200, answer.text
    return site.rows(Invoice, Invoice.workspace_id == place.id)[-1].invoice_number


class TestFifthDigit:
    def test_the_ten_thousandth_invoice_of_a_day_has_five_digits(self, site):
        """After 9999 comes 10000, unique and in order."""
        person, moment = sign_up_for_years(site), datetime(2031, 1, 5, 12, tzinfo=UTC)
        full = InvoiceCounter(day=moment.date(), last=9998)
        site.run(lambda session: session.add(full))
        with clock.frozen(moment):
            numbers = [self.next_of(site, person) for _ in range(3)]
        assert numbers == ["INV-20310105-9999", "INV-20310105-10000", "INV-20310105-10001"]

    def next_of(self, site: Site, person: Person) -> str:
        put_on(site, person.home, "pro")
        return downgrade(site, person, person.home)


class TestDaysEnd:
    @pytest.fixture
    def new_york(self, site: Site) -> Iterator[Site]:
        """The same installation, run by somebody who counts his days in New York."""
        with opened({**site.environment, "INVOICE_TIMEZONE": "America/New_York"}) as made:
            yield made

    @pytest.mark.parametrize(
        ("midnight", "last_day", "first_day"),
        [
            pytest.param("2031-03-01T05:00:00", "20310228", "20310301", id="winter"),
            pytest.param("2031-07-01T04:00:00", "20310630", "20310701", id="summer"),
            pytest.param("2031-03-10T04:00:00", "20310309", "20310310", id="after a short day"),
            pytest.param("2031-11-03T05:00:00", "20311102", "20311103", id="after a long day"),
        ],
    )
    def test_the_day_ends_at_midnight_of_the_zone(
        self, site, new_york, midnight, last_day, first_day
    ):
        """The last moment of a day and the first of the next are a microsecond apart."""
        person = sign_up_for_years(site)
        moment = datetime.fromisoformat(f"{midnight}+00:00")
        with clock.frozen(moment - timedelta(microseconds=1)) as advance:
            assert self.number(new_york, person) == f"INV-{last_day}-0001"
            advance(timedelta(microseconds=1))
            assert self.number(new_york, person) == f"INV-{first_day}-0001"
            assert self.number(new_york, person) == f"INV-{first_day}-0002"

    def test_without_a_zone_it_is_midnight_in_utc(self, site):
        """Two invoices a microsecond apart, on two days."""
        person, midnight = sign_up_for_years(site), datetime(2031, 5, 1, tzinfo=UTC)
        with clock.frozen(midnight - timedelta(microseconds=1)) as advance:
            assert self.number(site, person) == "INV-20310430-0001"
            advance(timedelta(microseconds=1))
            assert self.number(site, person) == "INV-20310501-0001"

    def number(self, site: Site, person: Person) -> str:
        put_on(site, person.home, "pro")
        return downgrade(site, person, person.home)
