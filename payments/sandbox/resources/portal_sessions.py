"""Sessions of the customer portal; https://docs.stripe.com/api/customer_portal/sessions."""

from ..call import Call
from ..ids import new_id
from ..messages import Json
from ..params import Schema, choice, text, url, word
from ..registry import route
from . import portal_configurations
from .portal_flows import FLOW, build_flow

KIND = "billing_portal.session"
# https://docs.stripe.com/api/customer_portal/sessions/create
LOCALES = (
    "auto bg cs da de el en en-AU en-CA en-GB en-IE en-IN en-NZ en-SG es es-419 et fi fil fr fr-CA"
    " hr hu id it ja ko lt lv ms mt nb nl pl pt pt-BR ro ru sk sl sv th tr vi zh zh-HK zh-TW"
).split()
NEW: Schema = {
    "configuration": text(),
    "customer": word(),
    "flow_data": FLOW,
    "locale": choice(*LOCALES),
    "return_url": url,
}


@route("POST", "/v1/billing_portal/sessions", NEW, ["customer"])
def create(call: Call) -> Json:
    params = call.params
    customer = call.reference("customer", params["customer"], "customer")
    configuration = portal_configurations.find_configuration(call, params.get("configuration"))
    return_url = params.get("return_url") or configuration.data["default_return_url"]
    session_id = new_id("bps")
    body = {
        "id": session_id,
        "object": KIND,
        "configuration": configuration.id,
        "created": call.now,
        "customer": customer.id,
        "customer_account": None,
        "flow": build_flow(call, customer.id, params.get("flow_data")),
        "livemode": call.account.livemode,
        "locale": params.get("locale"),
        "on_behalf_of": None,
        "return_url": return_url,
        "url": f"{call.base_url}/p/session/{session_id}",
    }
    call.emit("billing_portal.session.created", body)
    return call.objects.add(KIND, body).data
