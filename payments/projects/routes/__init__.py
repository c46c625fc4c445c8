"""The HTTP face of the projects room: one module a noun, views of a few lines."""

from flask_smorest import Blueprint

BLUEPRINTS: tuple[Blueprint, ...] = ()
