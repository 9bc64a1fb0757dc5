"""What is: tables and the rules of one row and its children."""

from models import (  # noqa: F401 - every table must be known before a relationship is resolved
    automation,
    bulk,
    catalog,
    channel,
    conversation,
    cost,
    customer,
    delivery,
    envelope,
    merchant,
    message,
    notification,
    order,
    pipeline,
    stock,
    tally,
    template,
    timeline,
    user,
    view,
)
