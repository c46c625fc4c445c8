"""The blueprint of the workspaces dialect: bad input is 400, whatever the body was made of."""

from __future__ import annotations

import json
from typing import Any

import flask_smorest
from flask import Request
from webargs.flaskparser import FlaskParser


class BodyParser(FlaskParser):
    """Answers 400 also to JSON that Python's own reader trips over."""

    DEFAULT_VALIDATION_STATUS = 400

    def _raw_load_json(self, req: Request) -> Any:
        try:
            return super()._raw_load_json(req)
        except json.JSONDecodeError:
            raise
        except (RecursionError, ValueError) as error:
            # Brackets a hundred thousand deep, an integer of ten thousand digits.
            raise json.JSONDecodeError("too deep or too long", "...", 0) from error


class Blueprint(flask_smorest.Blueprint):
    """A flask-smorest blueprint whose bodies go through `BodyParser`."""

    ARGUMENTS_PARSER = BodyParser()
