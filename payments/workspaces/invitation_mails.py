"""The texts of mails about memberships, written when they are sent."""

from __future__ import annotations

from payments.auth.models import User
from payments.extensions import settings
from payments.kit.db import db
from payments.mail.messages import MailText, to_one_line
from payments.mail.outbox import Composer, Mail
from payments.users import links
from payments.workspaces.invitations import ADDED, INVITED, is_open, sign_invitation
from payments.workspaces.models import Invitation, Workspace


def write_invitation(mail: Mail) -> MailText | None:
    """Return the link by which an address becomes a member; None once it was taken back."""
    invitation = db.session.get(Invitation, mail.invitation_id)
    if invitation is None or not is_open(invitation):
        return None
    workspace = db.session.get_one(Workspace, invitation.workspace_id)
    inviter = db.session.get_one(User, invitation.inviter_id)
    link = links.make_link(links.ACCEPT_INVITATION, sign_invitation(invitation))
    name = to_one_line(workspace.name)
    return MailText(
        "You are invited to a workspace",
        f'{inviter.email} invites you to the workspace "{name}" as {invitation.role}.\n\n'
        f"Open this link within seven days to accept:\n\n{link}\n\n"
        "If you do not know the sender, do nothing.\n",
    )


def write_added(mail: Mail) -> MailText | None:
    """Tell somebody that they were made a member of a workspace."""
    user = db.session.get(User, mail.user_id)
    if user is None or user.email != mail.recipient:
        return None
    return MailText(
        "You were added to a workspace",
        f"You were added to a workspace at {settings().frontend_url}\n\n"
        "If you do not know it, you can leave it there.\n",
    )


COMPOSERS: dict[str, Composer] = {INVITED: write_invitation, ADDED: write_added}
