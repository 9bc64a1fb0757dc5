"""What of a message matters to order lines, left to right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from flows.understanding.goods import Catalogue, Mention
from flows.understanding.lexicon import lexicon, word_list
from flows.understanding.option import Option
from flows.understanding.piece import Found, Piece
from flows.understanding.quantities import quantities
from flows.understanding.reading import Message
from flows.understanding.unwanted import marked


def pieces(
    message: Message,
    mentions: Sequence[Mention],
    options: Sequence[Option],
    catalogue: Catalogue,
    free: Sequence[bool],
) -> list[Piece]:
    """Products, options, quantities and what joins them; what is not wanted is marked."""
    found = Found(message, mentions, options, catalogue, free)
    every = [Piece("product", m.first, m.end, mention=m) for m in mentions]
    every += [piece for option in options for piece in _option_pieces(found, option)]
    every += [*quantities(found), *_joints(found)]
    every.sort(key=lambda piece: (piece.first, piece.end))
    return marked(message, [piece for piece in every if not _is_astray(message, every, piece)])


def _option_pieces(found: Found, option: Option) -> list[Piece]:
    sized = _comes_in_sizes(found.nearest(option.first), found.catalogue)
    if option.kind == "measure" and sized and found.mentions and _is_letter(found.message, option):
        return _number_and_letter(found.message, option)
    if option.kind == "size" and not sized:
        return []
    return [Piece("option", option.first, option.end, option=option)]


def _comes_in_sizes(mention: Mention | None, catalogue: Catalogue) -> bool:
    """ "musc kbir" is no size of what is sold by the bottle."""
    return mention is None or any(
        kind in ("size", "number")
        for product in mention.products
        for values in catalogue.products[product].values
        for value in values
        for kind, _ in value.options
    )


def _is_letter(message: Message, option: Option) -> bool:
    """ "1 L" of what comes in sizes is one large."""
    last = message.words[option.end - 1]
    return option.end == option.first + 2 and last.key in ("l", "m") and option.bare > 0


def _number_and_letter(message: Message, option: Option) -> list[Piece]:
    size = Option("size", message.words[option.end - 1].key.upper(), option.end - 1, option.end)
    return [
        Piece("quantity", option.first, option.end - 1, quantity=option.bare),
        Piece("option", size.first, size.end, option=size),
    ]


def _joints(found: Found) -> Iterator[Piece]:
    """And, or, a comma, a new sentence, "the same colour"."""
    words = found.message.words
    for i, word in enumerate(words):
        apart = i > 0 and (word.comma or word.sentence != words[i - 1].sentence)
        joint = None if i in found.taken else _joint_word(found.message, i)
        if joint:
            yield joint
        elif apart:
            yield Piece("and", i, i)


def _joint_word(message: Message, i: int) -> Piece | None:
    sections, ou = lexicon().sections, message.words[i].key in ("ou", "o")
    if same := sections["same colour"].at(message.phrases, i):
        return Piece("same", i, i + same[0][0])
    if sections["or"].at(message.phrases, i) and (not ou or _is_french(message)):
        return Piece("or", i, i + 1)
    return Piece("and", i, i) if sections["and"].at(message.phrases, i) else None


def _is_french(message: Message) -> bool:
    """Whether "ou" is the French "or": in Darija it is "and"."""
    languages = lexicon().languages
    return not any(languages.get(w.key) == frozenset({"darija"}) for w in message.words)


def _is_astray(message: Message, every: Sequence[Piece], piece: Piece) -> bool:
    """A number with words of its own before the goods: "iPhone 15 user here: white earbuds"."""
    if piece.kind != "quantity" or piece.article or piece.times:
        return False
    if _sums_up(message, piece):
        return True
    things = [p for p in every if p.kind in ("product", "option")]
    following = next((p for p in things if p.first >= piece.end), None)
    beside = any(p.end <= piece.first <= p.end + 1 for p in things)
    if beside or following is None or following.first - piece.end < 2:
        return False
    between = message.words[piece.end : following.first]
    linked = lexicon().sections["linking"].at(message.phrases, piece.end)
    if linked or between[0].kind != "word" or between[0].comma:
        return False
    return message.words[following.first].comma or any(word.key in _DEFINITE for word in between)


def _sums_up(message: Message, piece: Piece) -> bool:
    """ "2 en tout"."""
    in_all = lexicon().sections["in all"]
    return piece.end < len(message.words) and bool(in_all.at(message.phrases, piece.end))


_DEFINITE = word_list("definite")
