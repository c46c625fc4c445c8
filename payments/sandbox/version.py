"""The API version that the pinned SDK asks for, and that accounts here therefore default to."""

API_VERSION = "2026-10-28.endive"
