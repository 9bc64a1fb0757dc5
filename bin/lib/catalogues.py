"""What the code says and what the catalogues say: brought together, or told where they differ."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po, write_po

from bin.lib import say
from inbox.languages import FOLDER, NAMES

ROOT = Path(__file__).resolve().parents[2]
PLACES = ("inbox", "flows", "models", "bot")
LANGUAGES = tuple(language for language in NAMES if language != "en")
"""English is what the code says: it needs no catalogue."""

KEYWORDS = {"_": None, "N_": None, "gettext": None, "ngettext": (1, 2)}
# As inbox/web.py sets Jinja up; a template that cannot be read is an error, not an empty one.
JINJA = {"trim_blocks": "true", "lstrip_blocks": "true", "newstyle_gettext": "true", "silent": "no"}
READERS: dict[str, tuple[str, dict[str, str]]] = {
    ".py": ("python", {}),
    ".html": ("jinja2.ext:babel_extract", JINJA),
}

# What a translation keeps of its sentence: %(facts)s, {facts}, percent signs, tags.
KEPT = re.compile(r"%\(\w+\)s|%%|%|\{\w*\}|</?\w[^>]*>")
# What a language never writes, and what people are told about it.
SPELLING = {
    "fr": (
        re.compile(r" [;:!?»]|« |'"),
        "a space that breaks before ; : ! ? » or after «, or ' where ’ belongs",
    ),
    "ar": (re.compile(r"[,;?]"), "a Latin , ; ? where Arabic has ، ؛ ؟"),
}


def main(arguments: list[str]) -> int:
    """Writes the catalogues, or with --check nothing; 1 when a translation is missing or wrong."""
    if arguments not in ([], ["--check"]):
        raise say.Refused("bin/translations takes nothing, or --check.")
    if not arguments:
        for language in LANGUAGES:
            _file(language).write_bytes(written(_renewed(language)))
    found = [f"{language}: {fault}" for language in LANGUAGES for fault in faults(language)]
    say.out("\n".join(found) or f"{len(sentences())} sentences, in {', '.join(LANGUAGES)}.")
    return int(bool(found))


@cache
def sentences() -> Catalog:
    """Every sentence of the code that people may read."""
    said = Catalog()
    for file in (file for place in PLACES for file in sorted((ROOT / place).rglob("*"))):
        if file.suffix in READERS:
            method, options = READERS[file.suffix]
            for _, text, _, context in extract_from_file(method, file, KEYWORDS, (), options):
                said.add(text, context=context)
    return said


def faults(language: str) -> list[str]:
    """What is missing, doubtful or wrong in a catalogue, a line each; [] when it is whole."""
    found = compare(_read(language), sentences())
    if not found and _file(language).read_bytes() != written(_renewed(language)):
        found = ["is not as bin/translations writes it: run it"]
    return found


def compare(catalogue: Catalog, said: Catalog) -> list[str]:
    """Where a catalogue and the sentences of the code differ."""
    gone = [f"obsolete: {_name(m)}" for m in catalogue if m.id and m.id not in said]
    return gone + [
        f"{fault}: {_name(message)}"
        for message in said
        if message.id
        for fault in _faults_of(catalogue, message)
    ]


def written(catalogue: Catalog) -> bytes:
    """The catalogue as it is kept: in the order of the alphabet, no dates, no line numbers."""
    head = (
        f'msgid ""\nmsgstr ""\n"Language: {catalogue.locale_identifier}\\n"\n'
        f'"Plural-Forms: {catalogue.plural_forms}\\n"\n"MIME-Version: 1.0\\n"\n'
        '"Content-Type: text/plain; charset=utf-8\\n"\n"Content-Transfer-Encoding: 8bit\\n"\n\n'
    )
    body = BytesIO()
    write_po(body, catalogue, width=0, no_location=True, omit_header=True, sort_output=True)
    return head.encode() + body.getvalue()


def _renewed(language: str) -> Catalog:
    """The catalogue with the sentences of today; a reworded one keeps its old words, as fuzzy."""
    catalogue = _read(language)
    catalogue.update(sentences(), update_header_comment=False)
    catalogue.obsolete.clear()
    for message in catalogue:
        message.previous_id = []
    return catalogue


def _read(language: str) -> Catalog:
    file = _file(language)
    if not file.exists():
        return Catalog(locale=language)
    with file.open("rb") as opened:
        return read_po(opened, locale=language)


def _file(language: str) -> Path:
    return FOLDER / language / "LC_MESSAGES/messages.po"


def _faults_of(catalogue: Catalog, said: Message) -> Iterator[str]:
    message = catalogue.get(said.id)
    forms = _texts(message.string) if message else ()
    if message is None or not all(forms):
        yield "missing"
        return
    if message.fuzzy:
        yield "to be looked at again (fuzzy)"
    if said.pluralizable and len(forms) != catalogue.num_plurals:
        yield f"{len(forms)} forms instead of {catalogue.num_plurals}"
    if not all(_keeps(said, form) for form in forms):
        yield "other facts or tags than in the sentence"
    pattern, told = SPELLING.get(str(catalogue.locale), (None, ""))
    if pattern and any(pattern.search(KEPT.sub("", form)) for form in forms):
        yield told


def _keeps(said: Message, form: str) -> bool:
    """The form has what its sentence has; of a plural, "one" may leave the number out."""
    wanted = {mark for text in _texts(said.id) for mark in KEPT.findall(text)}
    found = set(KEPT.findall(form))
    return wanted - found <= ({"%(num)s"} if said.pluralizable else set()) and found <= wanted


def _texts(text: str | tuple[str, ...] | list[str] | None) -> tuple[str, ...]:
    return tuple(text) if isinstance(text, (tuple, list)) else (text or "",)


def _name(message: Message) -> str:
    return _texts(message.id)[0]


if __name__ == "__main__":
    say.script(main)
