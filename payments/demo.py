"""People and a workspace to try the service with, and the file that tells who they are."""

from __future__ import annotations

import json
import os
import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from payments import demo_project, local_secrets
from payments.auth import passwords
from payments.auth.models import DEVELOPER, END_USER, User
from payments.auth.queries import find_by_email, find_end_user
from payments.config import Settings
from payments.gateway import endpoints
from payments.kit.transactions import transaction
from payments.projects import accounts as project_accounts
from payments.projects.accounts import Place
from payments.webhooks.handlers import HANDLERS
from payments.workspaces import accounts, directory, members, queries, rosters
from payments.workspaces.guards import Access
from payments.workspaces.models import Workspace
from payments.workspaces.models.workspaces import ADMIN, MEMBER, OWNER

FILE = "demo.json"
NAME = "Acme"
PEOPLE = ("owner", "admin", "member", "outsider", "platform_admin")
SEATS = {"admin": ADMIN, "member": MEMBER}

WEBHOOK_PATH = "/api/payments/webhook"


@dataclass(frozen=True)
class Demo:
    """What was made, as plain values: calls to Stripe end the session in between.

    `people` are their addresses; the password is the same for everybody.
    """

    people: dict[str, str]
    workspace: dict[str, Any]
    project_id: str
    password: str


def file_of(settings: Settings) -> Path:
    return settings.data_dir / FILE


def on_sandbox(settings: Settings) -> bool:
    """Tell a stand-in from Stripe itself, whose keys and endpoints are nobody's to play with."""
    base = settings.stripe_api_base
    return base is not None and "stripe.com" not in base


def make(settings: Settings) -> Demo:
    """Make what is missing of the people and their workspace."""
    password = _password(file_of(settings))
    people = {role: _person(role, password) for role in PEOPLE}
    workspace = _workspace(people["owner"])
    access = Access(people["owner"], workspace, OWNER)
    for name, role in SEATS.items():
        _seat(access, people[name], role)
    developer = _project_person(Place(DEVELOPER, "operator"), password)
    project_id = demo_project.find_or_make(developer).id
    end_user = _project_person(Place(END_USER, "operator", project_id), password)
    people |= {"developer": developer, "end_user": end_user}
    return Demo(
        people={role: user.email for role, user in people.items()},
        workspace={"id": workspace.id, "slug": workspace.slug},
        project_id=project_id,
        password=password,
    )


def connect_project(settings: Settings, demo: Demo) -> dict[str, Any]:
    """Give the project its account at the sandbox and tell about it."""
    known = _written_before(file_of(settings)).get("project", {}).get("webhook_url")
    return demo_project.connect(settings, demo.project_id, known_url=known).told()


def register_webhook(settings: Settings) -> str:
    """Let the sandbox deliver here and return the secret that it signs with.

    It is told once, at creation, so it is kept beside the other local secrets.
    """
    url = f"{settings.public_url}{WEBHOOK_PATH}"
    kept = local_secrets.read(settings.data_dir).get("stripe_webhook_secret")
    secret = endpoints.ensure_webhook_endpoint(url, sorted(HANDLERS))
    if secret is None and kept is None:  # it stands, but nobody knows its secret any more
        endpoints.remove_webhook_endpoint(url)
        secret = endpoints.ensure_webhook_endpoint(url, sorted(HANDLERS))
    if secret is None:
        return (kept or "").partition(",")[0]
    # Endpoints of other ports go on to deliver: the last few secrets stay valid.
    known = ",".join([secret, *(kept or "").split(",")[:3]]).rstrip(",")
    local_secrets.add(settings.data_dir, stripe_webhook_secret=known)
    return secret


def write(
    settings: Settings, demo: Demo, *, webhook_secret: str | None, project: dict[str, Any]
) -> Path:
    """Write the file that other programs and people read, for its owner's eyes only."""
    told: dict[str, Any] = {
        "base_url": settings.public_url,
        "sandbox_url": settings.stripe_api_base,
        "operator_key": settings.operator_key,
        **{role: _credentials(email, demo.password) for role, email in demo.people.items()},
        "workspace": demo.workspace,
        "project": {"id": demo.project_id, **project},
    }
    told["end_user"]["project_id"] = demo.project_id
    if on_sandbox(settings):
        told["platform"] = _platform(settings, webhook_secret)
    path = file_of(settings)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".demo-")
    with os.fdopen(handle, "w") as file:
        json.dump(told, file, indent=1)
    return Path(name).replace(path)


def _written_before(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return {}


def _password(path: Path) -> str:
    owner = _written_before(path).get("owner")
    return str(owner["password"]) if owner else f"Demo-{secrets.token_hex(6)}-1"


def _person(role: str, password: str) -> User:
    email, name = f"{role.replace('_', '.')}@demo.example", f"Demo {role.replace('_', ' ').title()}"
    user = find_by_email(email)
    if user is None:
        user = accounts.sign_up(email=email, password=password, name=name, is_vouched_for=True).user
    _bring_up_to_date(user, password, is_admin=role == "platform_admin")
    return user


def _project_person(place: Place, password: str) -> User:
    email = f"{place.kind.replace('_', '.')}@demo.example"
    user = find_end_user(place.project_id, email) if place.project_id else find_by_email(email)
    if user is None:
        name = f"Demo {place.kind.replace('_', ' ').title()}"
        user = project_accounts.register(place, email=email, password=password, full_name=name)
    _bring_up_to_date(user, password, is_admin=False)
    return user


def _bring_up_to_date(user: User, password: str, *, is_admin: bool) -> None:
    stale = not passwords.is_password_correct(password, user.password_hash)
    new_hash = passwords.hash_password(password) if stale else user.password_hash
    if stale or user.is_admin != is_admin:
        with transaction():
            user.password_hash, user.is_admin = new_hash, is_admin


def _workspace(owner: User) -> Workspace:
    """Return the owner's; somebody else may have a workspace of that name and its slug."""
    for seat in rosters.seats_of(owner.id):
        if seat.role == OWNER and seat.workspace.name == NAME:
            return seat.workspace
    return directory.create_workspace(owner, name=NAME).workspace


def _seat(access: Access, user: User, role: str) -> None:
    if queries.find_role(access.workspace.id, user.id) is None:
        members.add_member(access, email=user.email, role=role)


def _credentials(email: str, password: str) -> dict[str, str]:
    return {"email": email, "password": password}


def _platform(settings: Settings, webhook_secret: str | None) -> dict[str, str | None]:
    """Tell the keys of our account at the sandbox; the publishable one belongs to browsers."""
    secret_key = settings.stripe_secret_key or ""
    return {
        "secret_key": secret_key,
        "publishable_key": secret_key.replace("sk_", "pk_", 1),
        "webhook_secret": webhook_secret,
    }
