"""The living style guide renders, in both directions, with every macro and nothing forbidden."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask import Flask

import inbox
from tests.inbox import gallery

TEMPLATES = Path(inbox.__file__).parent / "templates"


@pytest.fixture(scope="module")
def guide() -> Flask:
    return gallery.app()


@pytest.mark.parametrize("part", gallery.PARTS)
@pytest.mark.parametrize("language", ["fr", "en", "ar"])
def test_every_part_renders(guide: Flask, part: str, language: str) -> None:
    answer = guide.test_client().get(f"/gallery/{part}?language={language}")

    assert answer.status_code == 200
    assert " style=" not in answer.text


def test_every_icon_that_is_used_exists() -> None:
    drawn = set(re.findall(r'id="i-([\w-]+)"', (TEMPLATES / "_icons.html").read_text("utf-8")))
    pages = [path for path in TEMPLATES.glob("**/*.html") if path.name != "_icons.html"]
    everywhere = "".join(path.read_text("utf-8") for path in pages)

    used = set(re.findall(r'\bicon(?:_name)?(?:\(|=)"([\w-]+)"', everywhere))

    assert used - drawn == set()
