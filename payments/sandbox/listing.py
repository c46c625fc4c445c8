"""Pages of objects with Stripe's cursors; https://docs.stripe.com/api/pagination."""

from .call import Call
from .errors import invalid
from .messages import Json
from .objects import Window

ABSENT = object()  # as a filter: the field has to be null


def list_objects(call: Call, kind: str, **equal: object) -> Json:
    """Filters that were not given count for nothing."""
    given = {
        name: None if value is ABSENT else value
        for name, value in equal.items()
        if value is not None
    }
    records, has_more = call.objects.page(kind, given, _window(call, kind))
    return list_of([record.data for record in records], call.url_path, has_more)


def list_of(data: list[Json], url: str, has_more: bool = False) -> Json:
    return {"object": "list", "data": data, "has_more": has_more, "url": url}


def _window(call: Call, kind: str) -> Window:
    params = call.params
    if params.get("starting_after") and params.get("ending_before"):
        raise invalid(
            "Received both starting_after and ending_before parameters. Please pass in only one.",
            "parameters_exclusive",
        )
    return Window(
        params.get("limit", 10),
        _cursor(call, kind, "starting_after"),
        _cursor(call, kind, "ending_before"),
        params.get("created"),
    )


def _cursor(call: Call, kind: str, param: str) -> int | None:
    object_id = call.params.get(param)
    if object_id is None:
        return None
    record = call.objects.find(kind, object_id)
    if record is None:
        raise invalid(f"No such {kind}: '{object_id}'", "resource_missing", param)
    return record.seq
