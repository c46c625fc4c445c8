"""Debian's Chromium without a window, on the pages of the sandbox, beside a project of our own.

`make test-browser` runs these; no other target does. The shop that the pages lead back to is served
here, too, and the browser knows no name of any other host.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from wsgiref.types import WSGIApplication

import pytest
from flask import Flask
from playwright.sync_api import Browser, sync_playwright
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Response

from payments.config import Settings
from payments.projects.sync.topics import TYPES
from tests.support.apps import another_app
from tests.support.developers import STRIPE, ProjectSeat, developer_with_project, store_keys
from tests.support.processes import HttpClient, free_port

from .visit import Shopper, Visit

FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
SHOP = "<!doctype html><html lang=en><title>The shop</title><h1>The shop</h1>"
PATIENCE = 10_000  # milliseconds until something that should show on a page has to


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The browser of the whole run, with a profile that is thrown away."""
    found = shutil.which(os.environ.get("CHROMIUM", "chromium"))
    assert found, "no browser was found: apt-get install chromium"
    with sync_playwright() as playwright:
        # Neither root nor most containers can have Chromium's own sandbox; the pages are ours.
        started = playwright.chromium.launch(
            executable_path=found, args=list(FLAGS), chromium_sandbox=False
        )
        yield started
        started.close()


@contextmanager
def served(application: WSGIApplication, port: int) -> Iterator[None]:
    """Serve on the loopback until the block ends."""
    server = make_server("127.0.0.1", port, application, threaded=True, request_handler=_Silent)
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield
    server.shutdown()
    thread.join(10)
    server.server_close()


class _Silent(WSGIRequestHandler):
    def log(self, *_: object) -> None:
        """A failed test's output is about the page, not about every request."""


@pytest.fixture(scope="session")
def web(app: Flask, worker: None, settings: Settings) -> Iterator[HttpClient]:
    """The service at an address where the sandbox can deliver."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    with another_app(settings, public_url=address) as made, served(made, port):
        yield HttpClient(address)


@pytest.fixture(scope="session")
def shop_url() -> Iterator[str]:
    """The shop that the hosted pages lead back to: every address of it shows the same page."""
    port = free_port()
    with served(Response(SHOP, content_type="text/html"), port):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def seat(web: HttpClient, settings: Settings) -> ProjectSeat:
    """A fresh project whose account delivers its events by itself, and one end user."""
    made = developer_with_project(web, settings)
    urls = made.developer.get(f"{STRIPE}/projects/{made.project_id}/webhook-urls").json
    types = {f"enabled_events[{place}]": kind for place, kind in enumerate(TYPES)}
    hook = made.shop.stripe("POST", "/v1/webhook_endpoints", url=urls["test_webhook_url"], **types)
    store_keys(made.developer, made.project_id, test_webhook_secret=hook["secret"])
    return made


@pytest.fixture
def shopper(seat: ProjectSeat, shop_url: str) -> Shopper:
    return Shopper(seat, shop_url)


@pytest.fixture
def visit(browser: Browser, tmp_path: Path, width: int, scheme: str) -> Iterator[Visit]:
    """A page of a new browser profile, `width` pixels wide."""
    size = {"width": width, "height": 900}
    context = browser.new_context(viewport=size, color_scheme=scheme, locale="en-US")
    context.set_default_timeout(PATIENCE)
    yield Visit(context.new_page(), tmp_path)
    context.close()


@pytest.fixture
def width() -> int:
    return 1280


@pytest.fixture
def scheme() -> str:
    return "light"
