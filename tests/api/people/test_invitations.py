"""Members by mail: invitations, and answers that do not tell who has an account."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from payments.kit import clock
from payments.kit.transactions import transaction
from payments.workspaces.models import Membership, Workspace
from tests.api.people.test_verification import row_is_verified, verified_person
from tests.support.mailbox import Mailbox
from tests.support.people import PASSWORD, Person, bearer, fresh_email, sign_up

ACCEPT = "/api/auth/accept-invitation"


@pytest.fixture
def owner(verifying: FlaskClient, box: Mailbox) -> Person:
    return verified_person(verifying, box)


def invite(owner: Person, email: str, role: str = "member"):
    return owner.post(f"{owner.home.path}/members", {"email": email, "role": role})


def roles(owner: Person) -> dict[str, str]:
    rows = owner.get(f"{owner.home.path}/members").json["data"]
    return {each["email"]: each["role"] for each in rows}


def test_the_answer_does_not_tell_who_has_an_account(
    verifying: FlaskClient, box: Mailbox, owner: Person
) -> None:
    known, squatter = verified_person(verifying, box), sign_up(verifying)
    answers = [invite(owner, email) for email in (known.email, squatter.email, fresh_email())]
    assert {answer.status_code for answer in answers} == {200}
    told = [{**answer.json["data"], "email": None} for answer in answers]
    assert told[0] == told[1] == told[2]
    assert {answer.json["message"] for answer in answers} == {"Member added, or invited by mail"}
    assert roles(owner) == {owner.email: "owner", known.email: "member"}
    assert "added" in box.wait(known.email, number=2)["Subject"]


def test_by_signing_up(verifying: FlaskClient, box: Mailbox, owner: Person) -> None:
    email = fresh_email()
    invite(owner, email, "admin")
    token = box.token(email, "accept-invitation")
    body = {"email": email, "password": PASSWORD, "name": "New", "invitationToken": token}
    other = verifying.post("/api/auth/signup", json={**body, "email": fresh_email()})
    assert (other.status_code, other.json["code"]) == (403, "invited_elsewhere")
    made = verifying.post("/api/auth/signup", json=body)
    assert made.status_code == 200
    assert roles(owner)[email] == "admin"
    me = verifying.get("/api/auth/me", headers=bearer(made.json["data"]["token"])).json["data"]
    assert me["emailVerified"] is True


def test_by_an_account_of_that_address(verifying: FlaskClient, box: Mailbox, owner: Person) -> None:
    person = sign_up(verifying)
    box.wait(person.email)
    invite(owner, person.email)
    token = box.token(person.email, "accept-invitation", number=2)
    early = person.post(ACCEPT, {"token": token})
    assert (early.status_code, early.json["code"]) == (403, "email_unverified")
    verifying.post(
        "/api/auth/verify-email", json={"token": box.token(person.email, "verify-email")}
    )
    assert row_is_verified(person)
    answer = person.post(ACCEPT, {"token": token})
    assert answer.status_code == 200
    assert answer.json["data"] == {
        "workspace": {
            "id": owner.home.id, "name": owner.home.name, "slug": owner.home.slug,
        },
        "role": "member",
    }  # fmt: skip
    assert person.post(ACCEPT, {"token": token}).status_code == 400


def test_not_by_another_account(verifying: FlaskClient, box: Mailbox, owner: Person) -> None:
    email = fresh_email()
    invite(owner, email)
    token = box.token(email, "accept-invitation")
    thief = verified_person(verifying, box)
    answer = thief.post(ACCEPT, {"token": token})
    assert (answer.status_code, answer.json["code"]) == (403, "invited_elsewhere")
    assert verifying.post(ACCEPT, json={"token": token}).status_code == 401


class TestOver:
    @pytest.fixture
    def invited(self, verifying: FlaskClient, box: Mailbox, owner: Person) -> tuple[Person, str]:
        """Somebody whose address was invited before they signed up, with the link's token."""
        email = fresh_email()
        invite(owner, email)
        token = box.token(email, "accept-invitation")
        person = sign_up(verifying, email=email)
        proof = box.token(email, "verify-email", number=2)
        assert verifying.post("/api/auth/verify-email", json={"token": proof}).status_code == 200
        return person, token

    def refused(self, invited: tuple[Person, str]) -> None:
        person, token = invited
        answer = person.post(ACCEPT, {"token": token})
        assert (answer.status_code, answer.json["code"]) == (400, "invalid_link")

    def test_after_seven_days(self, app: Flask, invited: tuple[Person, str]) -> None:
        _, token = invited
        with app.app_context(), clock.frozen(clock.now() + timedelta(days=7, minutes=1)):
            from payments.users.links import InvalidLink
            from payments.workspaces import invitations

            with pytest.raises(InvalidLink):
                invitations.find_invitation(token)

    def test_once_it_is_revoked(self, owner: Person, invited: tuple[Person, str]) -> None:
        path = f"{owner.home.path}/invitations"
        (listed,) = owner.get(path).json["data"]
        assert listed["email"] == invited[0].email
        assert owner.delete(f"{path}/{listed['id']}").status_code == 200
        assert owner.get(path).json["data"] == []
        assert owner.delete(f"{path}/{listed['id']}").status_code == 404
        self.refused(invited)

    def test_once_the_inviter_may_not_give_it(
        self, app: Flask, owner: Person, invited: tuple[Person, str]
    ) -> None:
        with app.app_context(), transaction() as session:
            whose = sa.and_(
                Membership.user_id == owner.id, Membership.workspace_id == owner.home.id
            )
            session.execute(sa.update(Membership).where(whose).values(role="member"))
        self.refused(invited)

    def test_once_the_workspace_is_closed(
        self, app: Flask, owner: Person, invited: tuple[Person, str]
    ) -> None:
        with app.app_context(), transaction() as session:
            closed = sa.update(Workspace).where(Workspace.id == owner.home.id)
            session.execute(closed.values(is_active=False))
        self.refused(invited)


def test_ranks_hold(verifying: FlaskClient, box: Mailbox, owner: Person) -> None:
    admin, stranger = verified_person(verifying, box), verified_person(verifying, box)
    invite(owner, admin.email, "admin")
    path = f"{owner.home.path}/members"
    assert admin.post(path, {"email": fresh_email(), "role": "owner"}).status_code == 403
    assert stranger.post(path, {"email": fresh_email()}).status_code == 403
    invite(owner, fresh_email(), "owner")
    invitations = f"{owner.home.path}/invitations"
    (listed,) = admin.get(invitations).json["data"]
    assert admin.delete(f"{invitations}/{listed['id']}").status_code == 403
    assert stranger.get(invitations).status_code == 403


def test_inviting_again_renews(verifying: FlaskClient, box: Mailbox, owner: Person) -> None:
    email = fresh_email()
    invite(owner, email)
    invite(owner, email, "admin")
    (listed,) = owner.get(f"{owner.home.path}/invitations").json["data"]
    assert listed["role"] == "admin"


def test_a_name_with_line_breaks_breaks_no_mail(
    verifying: FlaskClient, box: Mailbox, owner: Person
) -> None:
    named = owner.patch(owner.home.path, {"name": "Acme\nBcc: all@example.com\n\nClick here"})
    assert named.status_code == 200
    email = fresh_email()
    invite(owner, email)
    mail = box.wait(email)
    assert mail["Bcc"] is None
    assert '"Acme Bcc: all@example.com Click here"' in mail.get_content()
