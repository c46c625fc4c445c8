"""Lists of what is not played: an account has none of it, so that clients that copy all can go on.

https://docs.stripe.com/api
"""

from ..call import Call
from ..listing import list_of
from ..messages import Json
from ..params import PAGING, Schema, text, time_range
from ..registry import route

PATHS = (
    "/v1/application_fees",
    "/v1/country_specs",
    "/v1/file_links",
    "/v1/files",
    "/v1/identity/verification_reports",
    "/v1/identity/verification_sessions",
    "/v1/issuing/authorizations",
    "/v1/issuing/cardholders",
    "/v1/issuing/cards",
    "/v1/issuing/disputes",
    "/v1/issuing/transactions",
    "/v1/quotes",
    "/v1/reviews",
    "/v1/shipping_rates",
    "/v1/tax_codes",
    "/v1/topups",
)
LISTED: Schema = {**PAGING, "created": time_range, "status": text()}


def show_empty_list(call: Call) -> Json:
    return list_of([], call.url_path)


for path in PATHS:
    route("GET", path, LISTED)(show_empty_list)


@route("GET", "/v1/products/{id}/features", PAGING)
def list_product_features(call: Call) -> Json:
    call.subject("product")
    return list_of([], call.url_path)
