"""What the customer portal may offer; https://docs.stripe.com/api/customer_portal/configurations."""

from ..call import Call
from ..errors import ApiError, invalid
from ..ids import new_id
from ..listing import list_objects
from ..messages import Json
from ..objects import Record
from ..params import PAGING, Schema, boolean, fields, metadata, text, url
from ..registry import route
from ..store import PORTAL_SAVED
from . import portal_features

CONFIGURATION = "billing_portal.configuration"


def find_configuration(call: Call, given: str | None) -> Record:
    """Without one the account's default counts, made when it is first needed."""
    if given:
        found = call.reference(CONFIGURATION, given, "configuration")
        if not found.data["active"]:
            raise invalid("This configuration is not active.", param="configuration")
        return found
    if not call.is_set_up(PORTAL_SAVED):
        raise _never_saved(call)
    default = call.objects.all(CONFIGURATION, is_default=True)
    return default[0] if default else call.objects.add(CONFIGURATION, _blank(call, default=True))


def _never_saved(call: Call) -> ApiError:
    """What a fresh account gets; https://docs.stripe.com/customer-management/activate-no-code-customer-portal"""
    mode = "live" if call.account.livemode else "test"
    page = "" if call.account.livemode else "test/"
    return invalid(
        f"No configuration provided and your {mode} mode default configuration has not been"
        " created. Provide a configuration or create your default by saving your customer portal"
        f" settings in {mode} mode at https://dashboard.stripe.com/{page}settings/billing/portal."
    )


def _blank(call: Call, *, default: bool) -> Json:
    return {
        "id": new_id("bpc"),
        "object": CONFIGURATION,
        "active": True,
        "application": None,
        "business_profile": {
            "headline": None,
            "privacy_policy_url": None,
            "terms_of_service_url": None,
        },
        "created": call.now,
        "default_return_url": None,
        "features": portal_features.build_features(),
        "is_default": default,
        "livemode": call.account.livemode,
        "login_page": {"enabled": False, "url": None},
        "metadata": {},
        "name": None,
        "updated": call.now,
    }


ABOUT: Schema = {
    "active": boolean,
    "business_profile": fields(headline=text(60), privacy_policy_url=url, terms_of_service_url=url),
    "default_return_url": url,
    "features": portal_features.FEATURES,
    "metadata": metadata,
    "name": text(),
}


@route("POST", "/v1/billing_portal/configurations", ABOUT, ["features"])
def create_configuration(call: Call) -> Json:
    """What features are named is kept, what the page offers does not depend on it."""
    record = call.objects.add(CONFIGURATION, _blank(call, default=False))
    _edit(call, record)
    call.emit("billing_portal.configuration.created", record.data)
    return record.data


def _edit(call: Call, record: Record) -> None:
    for name in ("active", "default_return_url", "metadata", "name"):
        if name in call.params:
            record.data[name] = call.params[name]
    record.data["metadata"] = record.data["metadata"] or {}
    profile = call.params.get("business_profile") or {}
    record.data["business_profile"].update(profile)
    portal_features.merge_features(record.data["features"], call.params.get("features") or {})
    record.data["updated"] = call.now
    call.objects.save(record)


@route("GET", "/v1/billing_portal/configurations/{id}")
def retrieve_configuration(call: Call) -> Json:
    return call.subject(CONFIGURATION).data


@route("POST", "/v1/billing_portal/configurations/{id}", ABOUT)
def update_configuration(call: Call) -> Json:
    record = call.subject(CONFIGURATION)
    _edit(call, record)
    call.emit("billing_portal.configuration.updated", record.data)
    return record.data


@route("GET", "/v1/billing_portal/configurations", {**PAGING, "active": boolean})
def list_configurations(call: Call) -> Json:
    return list_objects(call, CONFIGURATION, active=call.params.get("active"))
