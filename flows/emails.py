"""E-mail addresses that people sign in with: read one way everywhere."""

from __future__ import annotations

from email_validator import EmailNotValidError, validate_email

from flows.errors import N_, Refused


def address(typed: str) -> str:
    """The address as it is kept, or Refused when it can be none."""
    try:
        # No DNS: nothing here talks to the network; reserved names serve demos and trials.
        return validate_email(typed, check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError as error:
        raise Refused("email", N_("This is not an e-mail address.")) from error
