"""Slugs from names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.workspaces.directory import default_name
from payments.workspaces.guards import SLUG
from payments.workspaces.slugs import slugify


class TestSlugify:
    @pytest.mark.parametrize(
        ("name", "slug"),
        [
            ("Acme", "acme"),
            ("John's Workspace", "johns-workspace"),
            ("John’s Workspace", "johns-workspace"),
            ("‘Quoted’ ʼn", "quoted-n"),
            ("  A  &  B -- C  ", "a-b-c"),
            ("Café Zürich Ångström", "cafe-zurich-angstrom"),
            ("Straße", "strasse"),
            ("ﬁne № ½", "fine-no-1-2"),
            ("naïve—dash", "naive-dash"),
            ("Москва Bank", "bank"),
            ("東京", "workspace"),
            ("!!!", "workspace"),
            ("", "workspace"),
            ("'", "workspace"),
            ("x" * 100, "x" * 90),
            ("a" * 89 + " b", "a" * 89),
            ("123", "123"),
            ("a_b.c/d\\e", "a-b-c-d-e"),
            ("İstanbul", "istanbul"),
        ],
    )
    def test_examples(self, name: str, slug: str) -> None:
        assert slugify(name) == slug

    @given(st.text(max_size=200))
    def test_every_name_gives_a_valid_slug_with_room_for_a_number(self, name: str) -> None:
        slug = slugify(name)
        assert SLUG.fullmatch(slug)
        assert len(slug) <= 90

    @given(st.text(max_size=100))
    def test_a_slug_of_a_slug_is_itself(self, name: str) -> None:
        assert slugify(slugify(name)) == slugify(name)


class TestDefaultName:
    @given(st.text(min_size=1, max_size=100))
    def test_it_is_never_too_long(self, person: str) -> None:
        assert len(default_name(person)) <= 100

    def test_the_plain_case(self) -> None:
        assert default_name("John") == "John's Workspace"
