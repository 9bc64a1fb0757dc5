"""What merchants of a country sell in, and the clock their days follow."""

from __future__ import annotations

# ISO 3166 → currency, time zone.
COUNTRIES: dict[str, tuple[str, str]] = {
    "MA": ("MAD", "Africa/Casablanca"),
    "DZ": ("DZD", "Africa/Algiers"),
    "TN": ("TND", "Africa/Tunis"),
    "FR": ("EUR", "Europe/Paris"),
    "AE": ("AED", "Asia/Dubai"),
    "BE": ("EUR", "Europe/Brussels"),
    "CA": ("CAD", "America/Toronto"),
    "CH": ("CHF", "Europe/Zurich"),
    "CI": ("XOF", "Africa/Abidjan"),
    "DE": ("EUR", "Europe/Berlin"),
    "EG": ("EGP", "Africa/Cairo"),
    "ES": ("EUR", "Europe/Madrid"),
    "GB": ("GBP", "Europe/London"),
    "IT": ("EUR", "Europe/Rome"),
    "LY": ("LYD", "Africa/Tripoli"),
    "MR": ("MRU", "Africa/Nouakchott"),
    "NL": ("EUR", "Europe/Amsterdam"),
    "PT": ("EUR", "Europe/Lisbon"),
    "QA": ("QAR", "Asia/Qatar"),
    "SA": ("SAR", "Asia/Riyadh"),
    "SN": ("XOF", "Africa/Dakar"),
    "TR": ("TRY", "Europe/Istanbul"),
    "US": ("USD", "America/New_York"),
}
CURRENCIES = tuple(sorted({currency for currency, _ in COUNTRIES.values()}))
TIME_ZONES = tuple(sorted({zone for _, zone in COUNTRIES.values()}))
