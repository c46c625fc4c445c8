"""`/docs`: the OpenAPI document as a page to read and try, made of local files only."""

from __future__ import annotations

from flask import Response, abort, send_from_directory
from openapi_ui_bundles import swagger_ui

_BUNDLED = {"swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"}

# Swagger UI writes style attributes; scripts come from files of ours alone.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>payments: API</title>
<link rel="icon" type="image/png" href="/docs/favicon-32x32.png">
<link rel="stylesheet" href="/docs/swagger-ui.css">
<link rel="stylesheet" href="/docs/page.css">
</head>
<body>
<div id="page"></div>
<noscript>This page needs JavaScript. The document itself is at
<a href="/openapi.json">/openapi.json</a>.</noscript>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/page.js"></script>
</body>
</html>
"""

_OWN = {
    "page.js": (
        "text/javascript",
        """SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#page",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: -1,
  displayRequestDuration: true,
  persistAuthorization: false,
  tryItOutEnabled: true,
  validatorUrl: null,
});
""",
    ),
    "page.css": (
        "text/css",
        """body { margin: 0; background: #fafafa; }
.swagger-ui .info { margin: 24px 0; }
.swagger-ui .operation-servers { display: none; }
.swagger-ui .scheme-container { padding: 12px 0; box-shadow: none; background: none; }
noscript { display: block; padding: 24px; font-family: sans-serif; }
""",
    ),
}


def page() -> Response:
    """Return the page."""
    answer = Response(_PAGE, mimetype="text/html")
    answer.headers["Content-Security-Policy"] = _POLICY
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer


def asset(name: str) -> Response:
    """Return one of the page's files, and none but those."""
    if name in _OWN:
        kind, text = _OWN[name]
        return Response(text, mimetype=kind)
    if name not in _BUNDLED:
        abort(404)
    return send_from_directory(swagger_ui.static_path, name, max_age=3600)
