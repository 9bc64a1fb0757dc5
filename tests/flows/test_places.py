"""The cities of two countries: every spelling means one place, the largest is offered first."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from flows import places


@pytest.mark.parametrize(("country", "least"), [("MA", 300), ("DZ", 500)])
def test_a_country_has_its_cities_in_both_scripts(country: str, least: int) -> None:
    cities = places.every(country)

    assert len(cities) >= least
    assert all(re.search("[A-Za-z]", city.name) for city in cities)
    assert all(re.search("[\u0600-\u06ff]", city.arabic) for city in cities)
    assert all(city.region and 1 <= city.size <= 5 for city in cities)


@pytest.mark.parametrize("country", places.COUNTRIES)
def test_no_spelling_means_two_places(country: str) -> None:
    spelled = Counter(
        key
        for city in places.every(country)
        for key in {places.key(name) for name in (city.name, city.arabic, *city.spellings)}
    )

    assert [key for key, count in spelled.items() if count > 1 or not key] == []


def test_morocco_has_twelve_regions_and_algeria_sixty_nine_wilayas() -> None:
    assert len({city.region for city in places.every("MA")}) == 12
    assert len({city.region for city in places.every("DZ")}) == 69


def test_every_wilaya_is_named_after_a_city_of_the_list() -> None:
    wilayas = {city.region for city in places.every("DZ")}
    before = {city.before for city in places.every("DZ")} - {""}

    assert before < wilayas
    assert all(places.find(wilaya, "DZ") for wilaya in wilayas)


@pytest.mark.parametrize(
    ("text", "country", "name"),
    [
        ("Fès", "MA", "Fès"),
        ("fes", "MA", "Fès"),
        ("FEZ", "MA", "Fès"),
        ("فاس", "MA", "Fès"),
        ("casa", "MA", "Casablanca"),
        ("الدارالبيضاء", "MA", "Casablanca"),
        ("Al Jadida", "MA", "El Jadida"),
        ("eljadida", "MA", "El Jadida"),
        ("Fkih Ben Salah", "MA", "Fquih Ben Salah"),
        ("بن كرير", "MA", "Ben Guerir"),
        ("Awlad Teima", "MA", "Oulad Teïma"),
        ("Béjaia", "DZ", "Béjaïa"),
        ("M'sila", "DZ", "M'Sila"),
        ("وهران", "DZ", "Oran"),
        ("Alger centre", "DZ", "Alger"),
        ("BBA", "DZ", "Bordj Bou Arréridj"),
    ],
)
def test_usual_spellings_are_the_same_city(text: str, country: str, name: str) -> None:
    found = places.find(text, country)

    assert found is not None
    assert found.name == name


def test_what_begins_so_comes_largest_first() -> None:
    sizes = [city.size for city in places.search("ta", "MA") if places.key(city.name)[:2] == "ta"]

    assert places.search("ta", "MA")[0].name == "Tanger"
    assert sizes == sorted(sizes)
    assert [city.name for city in places.search("casab", "MA")] == ["Casablanca"]
    assert places.search("الرب", "MA")[0].name == "Rabat"
    assert places.search("رباط", "MA")[0].name == "Rabat"


def test_a_later_word_is_found_too() -> None:
    assert "Béni Mellal" in [city.name for city in places.search("mellal", "MA")]


def test_the_whole_name_comes_before_a_larger_city_that_begins_so() -> None:
    assert places.search("Sidi Rahal", "MA")[0].name == "Sidi Rahal"


def test_a_country_we_have_no_list_of_knows_nothing() -> None:
    assert places.find("Tunis", "TN") is None
    assert places.search("tu", "TN") == []
