"""What is: tables and the rules of one row and its children."""

from models import (  # noqa: F401 - every table must be known before a relationship is resolved
    automation,
    catalog,
    channel,
    conversation,
    cost,
    customer,
    envelope,
    merchant,
    message,
    order,
    pipeline,
    stock,
    template,
    timeline,
    user,
)
