"""The demo's two merchants, as data."""

from __future__ import annotations

from dataclasses import dataclass

from models.pipeline import SystemState
from models.user import Role


@dataclass(frozen=True, slots=True)
class Shop:
    """One merchant of the demo, as data. Prices and stock as people would say them."""

    name: str
    country: str
    delivery_fee: int
    account: str
    numbers: tuple[tuple[str, str, str], ...]
    """(phone_number_id, display number, name)"""
    people: tuple[tuple[str, str, Role], ...]
    """(e-mail, name, role)"""
    products: tuple[tuple[str, str, int, dict[str, tuple[str, ...]], int], ...]
    """(name, reference, price in minor units, options, stock of each variant)"""
    cards: tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...]
    """(name, phone as somebody typed it, addresses)"""


ATLAS = Shop(
    name="Boutique Atlas",
    country="MA",
    delivery_fee=3500,
    account="102290129340398",
    numbers=(
        ("106540352242922", "+212 520-000001", "Boutique"),
        ("106540352242923", "+212 520-000002", "SAV"),
    ),
    people=(
        ("omar@atlas.example", "Omar Tazi", Role.OWNER),
        ("mina@atlas.example", "Mina Cherkaoui", Role.MANAGER),
        ("salma@atlas.example", "Salma Berrada", Role.AGENT),
        ("youssef@atlas.example", "Youssef Amrani", Role.COURIER),
        ("nadia@atlas.example", "Nadia Benali", Role.VIEWER),
    ),
    products=(
        ("Sac en cuir", "SAC", 32000, {"couleur": ("Noir", "Marron", "Rouge")}, 40),
        ("Ceinture en cuir", "CEINT", 16000, {"taille": ("M", "L", "XL")}, 25),
        ("Foulard en soie", "FOUL", 12000, {}, 60),
        ("Babouches", "BAB", 18000, {"couleur": ("Jaune", "Blanc"), "taille": ("39", "42")}, 12),
        ("Huile d'argan 100 ml", "ARG", 9000, {}, 3),
    ),
    cards=(
        (
            "Fatima Zahra El Idrissi",
            "06 61 23 45 67",
            (("12 rue Ibn Aïcha, Guéliz", "Marrakech"), ("4 avenue Hassan II", "Casablanca")),
        ),
        ("خديجة العلوي", "0662-345678", (("7 شارع الحسن الثاني", "فاس"),)),
        ("Hamza Ouazzani", "+212 665 67 89 01", (("Résidence Yasmine, Agdal", "Rabat"),)),
    ),
)
ALGIERS = Shop(
    name="Saveurs d'Alger",
    country="DZ",
    delivery_fee=60000,
    account="202290129340399",
    numbers=(("206540352242924", "+213 21 00 00 03", "Saveurs"),),
    people=(
        ("lila@saveurs.example", "Lila Mansouri", Role.OWNER),
        ("karim@saveurs.example", "Karim Haddad", Role.AGENT),
    ),
    products=(
        ("Miel de jujubier", "MIEL", 450000, {"contenance": ("250 g", "500 g")}, 20),
        ("Dattes Deglet Nour 1 kg", "DATTE", 90000, {}, 80),
    ),
    cards=(("Amine Bouzid", "0550 12 34 56", (("Cité 200 logements, Bir El Djir", "Oran"),)),),
)
SHOPS = (ATLAS, ALGIERS)
# The simulator's number that is nobody's yet, for whoever tries to move in.
SPARE = {
    "number": "306540352242925",
    "account": "302290129340400",
    "token": "EAA-demo-302290129340400",
}

# What a stage sends in the demo, and where each tap takes the order.
FIRST_AUTOMATIONS: tuple[tuple[SystemState, str, dict[str, str], dict[int, SystemState]], ...] = (
    (
        SystemState.NEW,
        "order_confirmation",
        {"1": "customer.first_name", "2": "order.number", "3": "order.amount"},
        {0: SystemState.CONFIRMED, 1: SystemState.TO_CONFIRM, 2: SystemState.CANCELLED},
    ),
)

# Where each shop delivers at which fee: (name, to the door, to the office, cities).
ZONES: dict[str, tuple[tuple[str, int, int | None, tuple[str, ...]], ...]] = {
    ATLAS.name: (
        ("Casablanca", 2000, None, ("Casablanca", "Mohammedia")),
        ("Grandes villes", 3500, 2500, ("Rabat", "Marrakech", "Fès", "Tanger", "Agadir")),
        ("Sud", 5500, 4500, ("Ouarzazate", "Laâyoune", "Dakhla")),
    ),
    ALGIERS.name: (
        ("Alger", 40000, 25000, ("Alger", "Blida", "Boumerdès")),
        ("Oran", 60000, 40000, ("Oran", "Mostaganem")),
    ),
}

_ASK, _MUTE, _YES, _NO = "to_confirm", "unreachable", "confirmed", "cancelled"
_SHIPPED = "confirmed shipped"
_DONE = _SHIPPED + " delivered"
Place = tuple[str, str]
Past = tuple[float, str, str, Place, tuple[tuple[str, int], ...], str]
"""(age in days, name, phone, (address, city), ((reference, pieces), …), the states it went to)."""

PAST: dict[str, tuple[Past, ...]] = {
    ATLAS.name: (
        (21, "Salma Idrissi", "0661 00 01 01", ("3 rue Atlas", "Casablanca"), (("SAC", 1),), _DONE),
        (20, "Omar Fassi", "0661 00 01 02", ("8 rue Zitoun", "Fès"), (("CEINT", 2),), _DONE),
        (19.4, "Nora Amrani", "0661 00 01 03", ("12 bd Hassan II", "Rabat"), (("FOUL", 3),), _DONE),
        (18, "Karim Lahlou", "0661 00 01 04", ("Hay Salam", "Agadir"), (("BAB", 1),), _DONE),
        (
            17,
            "Imane Chraibi",
            "0661 00 01 05",
            ("5 av. des FAR", "Tanger"),
            (("SAC", 1), ("FOUL", 1)),
            _SHIPPED + " returned",
        ),
        (15, "ياسين بنموسى", "0661 00 01 06", ("حي السلام", "مراكش"), (("SAC", 2),), _DONE),
        (14, "Salma Idrissi", "0661 00 01 01", ("3 rue Atlas", "Casablanca"), (("BAB", 2),), _DONE),
        (
            13,
            "Hind Tahiri",
            "0661 00 01 07",
            ("Rés. Nour", "Casablanca"),
            (("FOUL", 2),),
            _DONE,
        ),
        (
            12,
            "Mehdi Alami",
            "0661 00 01 08",
            ("22 rue Oujda", "Rabat"),
            (("CEINT", 1),),
            "cancelled",
        ),
        (11, "Asmae Berrada", "0661 00 01 09", ("Maârif", "Casablanca"), (("SAC", 1),), _DONE),
        (9, "Rachid Mansouri", "0661 00 01 10", ("Guéliz", "Marrakech"), (("SAC", 1),), _DONE),
        (8, "سعاد العمراني", "0661 00 01 11", ("شارع الحسن", "فاس"), (("FOUL", 1),), _DONE),
        (7, "Zineb Kabbaj", "0661 00 01 12", ("Agdal", "Rabat"), (("BAB", 1),), _DONE),
        (6, "Anas Filali", "0661 00 01 13", ("Talborjt", "Agadir"), (("SAC", 2),), _SHIPPED),
        (
            5,
            "Loubna Saidi",
            "0661 00 01 14",
            ("Malabata", "Tanger"),
            (("CEINT", 1),),
            _SHIPPED + " delivery_failure",
        ),
        (4.5, "Hicham Ouali", "0661 00 01 15", ("Centre", "Ouarzazate"), (("SAC", 1),), _SHIPPED),
        (4, "Mouna Jabri", "0661 00 01 16", ("Anfa", "Casablanca"), (("FOUL", 4),), _SHIPPED),
        (3, "Ilyas Benjelloun", "0661 00 01 17", ("Hay Riad", "Rabat"), (("BAB", 1),), _YES),
        (2.5, "Ghita Sefrioui", "0661 00 01 18", ("Narjiss", "Fès"), (("SAC", 1),), _YES),
        (2, "Adil Naciri", "0661 00 01 19", ("Ain Diab", "Casablanca"), (("SAC", 1),), _YES),
        (
            1.8,
            "Kenza Rami",
            "0661 00 01 20",
            ("Mellah", "Marrakech"),
            (("FOUL", 2),),
            "unreachable",
        ),
        (
            1.5,
            "Said Bouhaddou",
            "0661 00 01 21",
            ("Anza", "Agadir"),
            (("CEINT", 1),),
            "unreachable",
        ),
        (
            1,
            "Meryem Zaki",
            "0661 00 01 22",
            ("Maârouf", "Casablanca"),
            (("SAC", 1),),
            "to_confirm",
        ),
        (
            0.9,
            "حمزة الإدريسي",
            "0661 00 01 23",
            ("حي الرياض", "الرباط"),
            (("BAB", 1),),
            "to_confirm",
        ),
        (0.7, "Sanae Hilali", "0661 00 01 24", ("Iberia", "Tanger"), (("FOUL", 1),), _ASK),
        (0.5, "Taha Lamrani", "0661 00 01 25", ("Saada", "Marrakech"), (("SAC", 2),), ""),
        (0.3, "Dounia Ziani", "0661 00 01 26", ("Bourgogne", "Casablanca"), (("CEINT", 1),), ""),
        (0.2, "Reda Bakkali", "0661 00 01 27", ("Souissi", "Rabat"), (("FOUL", 1),), ""),
    ),
    ALGIERS.name: (
        (9, "Nassim Belkacem", "0550 00 02 01", ("Hydra", "Alger"), (("MIEL", 1),), _DONE),
        (6, "Samia Cherif", "0550 00 02 02", ("Centre", "Blida"), (("DATTE", 3),), _DONE),
        (3, "Yacine Hamdi", "0550 00 02 03", ("Es Senia", "Oran"), (("MIEL", 2),), _SHIPPED),
        (
            1,
            "ليلى بوزيد",
            "0550 00 02 04",
            ("بلكور", "الجزائر"),
            (("DATTE", 1),),
            "to_confirm",
        ),
        (0.4, "Sofiane Rahmani", "0550 00 02 05", ("Kouba", "Alger"), (("MIEL", 1),), ""),
    ),
}
