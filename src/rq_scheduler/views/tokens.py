"""Tokens, as programs and people are shown them: never their secrets. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import tzinfo
from typing import Any

from rq_scheduler.client.tokens import Token
from rq_scheduler.humanize import moment
from rq_scheduler.views.serializers import iso
from rq_scheduler.views.table import Column, Part, Table

__all__ = ["serialize", "table"]


def serialize(token: Token) -> dict[str, Any]:
    """A token."""
    return {
        "id": token.id,
        "name": token.name,
        "role": token.role,
        "made_at": iso(token.made_at),
        "made_by": token.made_by,
        "expires_at": iso(token.expires_at),
    }


def table(found: Sequence[Token], zone: tzinfo) -> Iterator[Part]:
    """In the order in which they were made."""
    if not found:
        yield "No tokens."
        return
    columns = (Column("ID"), Column("NAME", cut=True), Column("ROLE"), Column("MADE"), Column("BY", spare=1),
               Column("EXPIRES", spare=2))  # fmt: skip
    rows = [
        (
            one.id,
            one.name,
            one.role,
            moment(one.made_at.replace(microsecond=0), zone),
            one.made_by,
            "never" if one.expires_at is None else moment(one.expires_at.replace(microsecond=0), zone),
        )
        for one in found
    ]
    yield Table(columns, list(rows))
