"""How well customers' messages are understood, and how long one takes.

    .venv/bin/python -m bench.understanding [--part tuning] [--wrong 40] [--json]

The utterances are tests/bot/corpus/<part>.jsonl; nothing was tuned on the held-out part. Time is
measured over the same texts against a catalogue of 1,000 variants.

Bars: precision at least 0.98 of what moves or creates an order by itself, recall at least 0.90 over
all, order lines exactly right at least 0.90, p95 at most 5 ms.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flows.understanding import Catalogue, Item, Understood, understand
from flows.understanding.files import catalogue_of_file

CORPUS = Path(__file__).parent.parent / "tests/bot/corpus"
ACTING = frozenset(
    ("order with lines", "confirm", "refuse", "cancel", "later", "change_address", "change_order")
)
WITHIN_MS = 5.0
PARTS = ("tuning", "tuning_goods", "tuning_shops", "tuning_hard", "held_out")
THINGS = """
Sac Robe Chemise Pantalon Veste Montre Bague Collier Parfum Crème Huile Savon Tapis
Lampe Coussin Drap Plateau Théière Casque Chargeur Écouteurs Jouet Livre Ceinture Baskets"""
KINDS = "cuir coton soie lin laine argan rose musc oud bois métal verre luxe sport ville"


@dataclass
class Scores:
    """Counts over a part of the corpus."""

    wanted: Counter[str] = field(default_factory=Counter)
    said: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)
    languages: Counter[tuple[str, str]] = field(default_factory=Counter)
    by_language: Counter[tuple[str, bool]] = field(default_factory=Counter)
    confused: Counter[tuple[str, str]] = field(default_factory=Counter)
    lines: Counter[bool] = field(default_factory=Counter)
    lines_of_orders: Counter[bool] = field(default_factory=Counter)
    cities: Counter[bool] = field(default_factory=Counter)
    acting: Counter[bool] = field(default_factory=Counter)
    wrong: list[dict[str, Any]] = field(default_factory=list)

    def precision(self, intent: str) -> float:
        return self.right[intent] / self.said[intent] if self.said[intent] else 1.0

    def recall(self, intent: str) -> float:
        return self.right[intent] / self.wanted[intent] if self.wanted[intent] else 1.0


def main() -> None:
    options = _options()
    entries = utterances(options.part)
    scores = score(entries)
    times = milliseconds([entry["text"] for entry in entries])
    if options.json:
        print(json.dumps(_figures(scores, times), ensure_ascii=False))
    else:
        _print(scores, times, options.wrong)
    if options.part == "held_out" and not holds(scores, times):
        sys.exit(1)


def utterances(part: str) -> list[dict[str, Any]]:
    lines = (CORPUS / f"{part}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines if line.strip()]


def score(entries: list[dict[str, Any]]) -> Scores:
    scores = Scores()
    catalogues: dict[str, Catalogue] = {}
    for entry in entries:
        name = entry.get("catalogue") or ""
        if name not in catalogues:
            catalogues[name] = _catalogue(name)
        found = understand(entry["text"], catalogues[name], context=entry.get("context"))
        _count(scores, entry, found)
    return scores


def _catalogue(name: str) -> Catalogue:
    path = CORPUS / "catalogues" / f"{name.removesuffix('.json')}.json"
    return catalogue_of_file(path) if name else Catalogue.of([])


def _count(scores: Scores, entry: dict[str, Any], found: Understood) -> None:
    wanted, said = entry["intent"], found.intent
    scores.wanted[wanted] += 1
    scores.said[said] += 1
    scores.right[wanted] += wanted == said
    scores.languages[entry["language"], found.language] += 1
    scores.by_language[entry["language"], wanted == said] += 1
    if wanted != said:
        scores.confused[wanted, said] += 1
    lines = sorted((line["quantity"], line["sku"]) for line in entry.get("lines") or [])
    mine = sorted((line.quantity, line.sku) for line in found.lines)
    scores.lines[lines == mine] += 1
    if lines or mine:
        scores.lines_of_orders[lines == mine] += 1
    city = entry.get("city")
    if city or found.city:
        scores.cities[city == found.city] += 1
    acts = f"{said} with lines" if said == "order" and mine else said
    if acts in ACTING:
        scores.acting[wanted == said] += 1
    faults = [
        *(["intent"] if wanted != said else []),
        *(["lines"] if lines != mine else []),
        *(["city"] if city != found.city else []),
        *(["language"] if entry["language"] != found.language else []),
    ]
    if faults:
        scores.wrong.append(
            {"faults": faults, "entry": entry, "found": found.to_json(), "rule": found.rule}
        )


def thousand() -> Catalogue:
    """1,000 variants of 125 products: names of two or three words, colours and sizes."""
    chance = random.Random(7)
    things, kinds = THINGS.split(), KINDS.split()
    names = [f"{things[i % 25]} {kinds[i // 25]} {chance.choice(kinds)}" for i in range(125)]
    colours = ("Noir", "Blanc", "Rouge", "Bleu")
    return Catalogue.of(
        Item(f"V-{n}-{c}-{s}", name, {"couleur": colour, "taille": size})
        for n, name in enumerate(names)
        for c, colour in enumerate(colours)
        for s, size in enumerate(("M", "L"))
    )


def milliseconds(texts: list[str]) -> list[float]:
    """What each text takes, in milliseconds, sorted; the first of all is not counted."""
    catalogue = thousand()
    understand("bonjour", catalogue)
    taken = []
    for text in texts:
        # Of this process, so that what else a machine does is not counted.
        begun = time.process_time()
        understand(text, catalogue)
        taken.append((time.process_time() - begun) * 1000)
    return sorted(taken)


def _at(sorted_times: list[float], share: float) -> float:
    return sorted_times[min(len(sorted_times) - 1, int(len(sorted_times) * share))]


def _share(counter: Counter[bool]) -> float:
    total = counter[True] + counter[False]
    return counter[True] / total if total else 1.0


def holds(scores: Scores, times: list[float]) -> bool:
    figures = _figures(scores, times)
    return bool(
        figures["acting_precision"] >= 0.98
        and figures["recall"] >= 0.90
        and figures["lines_right"] >= 0.90
        and figures["p95_ms"] <= WITHIN_MS
    )


def _figures(scores: Scores, times: list[float]) -> dict[str, Any]:
    total = sum(scores.wanted.values())
    return {
        "utterances": total,
        "recall": round(sum(scores.right.values()) / total, 4),
        "acting_precision": round(_share(scores.acting), 4),
        "lines_right": round(_share(scores.lines_of_orders), 4),
        "lines_right_over_all": round(_share(scores.lines), 4),
        "cities_right": round(_share(scores.cities), 4),
        "languages_right": round(
            sum(n for (wanted, said), n in scores.languages.items() if wanted == said) / total, 4
        ),
        "p50_ms": round(_at(times, 0.5), 2),
        "p95_ms": round(_at(times, 0.95), 2),
        "max_ms": round(times[-1], 2),
        "intents": {
            intent: {
                "precision": round(scores.precision(intent), 3),
                "recall": round(scores.recall(intent), 3),
                "wanted": scores.wanted[intent],
                "said": scores.said[intent],
            }
            for intent in sorted(scores.wanted | scores.said)
        },
        "by_language": {
            language: round(
                scores.by_language[language, True]
                / (scores.by_language[language, True] + scores.by_language[language, False]),
                4,
            )
            for language in sorted({language for language, _ in scores.by_language})
        },
    }


def _print(scores: Scores, times: list[float], wrong: int) -> None:
    figures = _figures(scores, times)
    for name, value in figures.items():
        if not isinstance(value, dict):
            print(f"{name:22}{value}")
    print(f"\n{'intent':20}{'precision':>10}{'recall':>8}{'wanted':>8}{'said':>6}")
    for intent, row in figures["intents"].items():
        print(
            f"{intent:20}{row['precision']:10.3f}{row['recall']:8.3f}{row['wanted']:8}{row['said']:6}"
        )
    print("\nintents right by language:", figures["by_language"])
    print("\nwanted → said")
    for (one, other), n in scores.confused.most_common(15):
        print(f"{n:4} {one} → {other}")
    for each in scores.wrong[:wrong]:
        entry, found = each["entry"], each["found"]
        mine = [(line["quantity"], line["sku"]) for line in found["lines"]]
        theirs = [(line["quantity"], line["sku"]) for line in entry.get("lines") or []]
        print(f"\n[{', '.join(each['faults'])}] {entry['text']!r} {entry.get('context') or ''}")
        print(f"   wanted {entry['intent']} {entry['language']} {theirs} {entry.get('city')}")
        print(f"   said   {found['intent']} {found['language']} {mine} {found['city']}")
        print(f"          {found['confidence']} {each['rule']}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--part", default="held_out", choices=PARTS)
    parser.add_argument("--wrong", type=int, default=0, help="how many of the wrong ones to print")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
