"""Every sentence that the workspaces room says when it cannot do what was asked."""

from __future__ import annotations

from payments.kit.errors import AppError, BadInput, Conflict, Forbidden, Missing


class InvalidSlug(BadInput):
    code, sentence = "invalid_slug", "Invalid workspace slug"


class SlugRequired(BadInput):
    code, sentence = "missing_field", "workspaceSlug is required"


class WorkspaceNotFound(Missing):
    code, sentence = "workspace_not_found", "Workspace not found"


class NotAMember(Forbidden):
    sentence = "You do not have access to this workspace"


class NotAManager(Forbidden):
    sentence = "Only workspace owners and admins can do this"


class NotTheOwner(Forbidden):
    sentence = "Only workspace owners can do this"


class InvalidPlan(BadInput):
    code, sentence = "invalid_plan", "Invalid plan"


class PlanNotFound(Missing):
    code, sentence = "plan_not_found", "Plan not found"


class NotAnUpgrade(BadInput):
    code = "not_an_upgrade"
    sentence = (
        "Target plan must be a higher tier than the current plan. Use downgrade-plan instead."
    )


class NotADowngrade(BadInput):
    code = "not_a_downgrade"
    sentence = "Target plan must be a lower tier than the current plan. Use upgrade-plan instead."


class NoPaymentMethod(BadInput):
    code = "no_payment_method"
    sentence = "No payment method provided and no default payment method found"


class InvalidPaymentMethod(BadInput):
    code, sentence = "invalid_payment_method", "Invalid payment method"


class InvalidPaymentMethodId(BadInput):
    code, sentence = "invalid_payment_method_id", "Invalid payment method ID"


class PaymentMethodNotFound(Missing):
    code, sentence = "payment_method_not_found", "Payment method not found"


class ForeignPaymentMethod(Forbidden):
    sentence = "Payment method does not belong to this workspace"


class SetupIncomplete(BadInput):
    code, sentence = "setup_incomplete", "The card setup is not complete"


class SetupMismatch(BadInput):
    code, sentence = "setup_mismatch", "The setup does not belong to this workspace and card"


class InvalidInvoiceId(BadInput):
    code, sentence = "invalid_invoice_id", "Invalid invoice ID"


class InvoiceNotFound(Missing):
    code, sentence = "invoice_not_found", "Invoice not found"


class ChargeNotFound(Missing):
    code, sentence = "charge_not_found", "Charge not found"


class ChargeInProgress(Conflict):
    code = "charge_in_progress"
    sentence = "A charge for this workspace is still in progress"


class PriceChanged(Conflict):
    code = "price_changed"
    sentence = "The plan's price has changed since it was shown"


class AmountNotChargeable(BadInput):
    code, sentence = "amount_not_chargeable", "The plan's price cannot be charged"


class ChargeNotCancelable(Conflict):
    code = "charge_not_cancelable"
    sentence = "Only a charge that is not settled can be canceled"


class NotRefundable(BadInput):
    code, sentence = "not_refundable", "This invoice cannot be refunded"


class RefundTooLarge(BadInput):
    code, sentence = "refund_too_large", "The refund is greater than what is left of the invoice"


class RefundFailed(BadInput):
    code, sentence = "refund_failed", "The refund was refused"


class PaymentRequired(AppError):
    """The card was declined, or its holder must authenticate first."""

    status, code, sentence = 402, "card_declined", "Your card was declined."


class PaymentError(AppError):
    """Stripe or our use of it failed; the cause is in the log, not in the answer."""

    status, code, sentence = 500, "stripe_error", "Payment processing error"


class StripeNotConfigured(AppError):
    status, code, sentence = 500, "stripe_not_configured", "Stripe is not configured correctly"


class LastOwner(BadInput):
    code, sentence = "last_owner", "A workspace needs at least one owner"


class MemberNotFound(Missing):
    code, sentence = "member_not_found", "Member not found"


class AlreadyAMember(Conflict):
    code, sentence = "already_a_member", "The user is already a member of this workspace"


class InvalidAmount(BadInput):
    code, sentence = "invalid_field", "amount is not valid"


class UserNotFound(Missing):
    code, sentence = "user_not_found", "User not found"


class InvalidUserId(BadInput):
    code, sentence = "invalid_user_id", "Invalid user ID"


class NoFreePlan(AppError):
    """An operator's mistake, not a client's: there is nothing to put a new workspace on."""

    status, code = 503, "no_free_plan"
    sentence = (
        "No workspace can be made at the moment: there is no free pricing plan; "
        "`flask seed` or `flask plans import` makes one"
    )


class PaymentDisputed(BadInput):
    code = "payment_disputed"
    sentence = "The payment is disputed: the bank has taken it back, so it cannot be refunded"


class RefundNotFound(Missing):
    code, sentence = "refund_not_found", "Refund not found"


class TooManyInvitations(Conflict):
    code = "too_many_invitations"
    sentence = "The workspace has too many open invitations: revoke some first"


class InvitationNotFound(Missing):
    code, sentence = "invitation_not_found", "Invitation not found"


class InvitedElsewhere(Forbidden):
    code = "invited_elsewhere"
    sentence = "The invitation is for another address than this account's"
