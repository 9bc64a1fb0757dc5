"""The table of orders: filters that combine, pages by key, counts that never take long.

filters: what the address of the page asks for. conditions: the same in SQL. pages: the rows.
"""

from flows.listing.conditions import Matching, matching, select_matching, stages
from flows.listing.filters import NOBODY, PERIODS, SORTS, Filters
from flows.listing.pages import MOST, PAGE, Count, Page, Place, carriers, count, items_of, page

__all__ = [
    "MOST",
    "NOBODY",
    "PAGE",
    "PERIODS",
    "SORTS",
    "Count",
    "Filters",
    "Matching",
    "Page",
    "Place",
    "carriers",
    "count",
    "items_of",
    "matching",
    "page",
    "select_matching",
    "stages",
]
