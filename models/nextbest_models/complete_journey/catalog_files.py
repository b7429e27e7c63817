"""The offers as action files of a catalog: one YAML file per campaign, for people to read and to edit."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby

from nextbest_models.complete_journey.offers import Campaign, Offer

RETENTION_TYPE = "A"
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./&()%'+ -]*[A-Za-z0-9)]|[A-Za-z]")
_RESERVED = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_HEAD = """\
# yaml-language-server: $schema=../../../schemas/actions.json
# Campaign {id} of type {type}, {first} to {last}: {count}.
# Made from the Complete Journey data set (84.51°, CC0) by nextbest_models.complete_journey.catalog_files.
#
# Every offer has the value 1.0: the data does not say what a redemption earns, so each counts the same here.
# offer_products names the exact set of products that the offer is good for; equal sets have equal names.
"""


def render_action_files(offers: Sequence[Offer]) -> Mapping[str, str]:
    """Return the text of every action file by file name."""
    campaigns = groupby(offers, key=lambda offer: offer.campaign)
    return {f"campaign-{campaign.id}.yaml": _file(campaign, list(members)) for campaign, members in campaigns}


def _file(campaign: Campaign, offers: Sequence[Offer]) -> str:
    head = _HEAD.format(
        id=campaign.id,
        type=campaign.type,
        first=_day(campaign.first_day_ms),
        last=_day(campaign.last_day_ms),
        count=_counted(len(offers), "offer"),
    )
    return head + "".join(f"\n{line}" if line.startswith("- ") else line for line in _lines(offers))


def _lines(offers: Sequence[Offer]) -> Iterator[str]:
    return (f"{line}\n" for offer in offers for line in _action(offer))


def _action(offer: Offer) -> Iterator[str]:
    yield f"- id: {offer.id}"
    yield "  type: OFFER"
    yield f"  issue: {'retention' if offer.campaign.type == RETENTION_TYPE else 'cross_sell'}"
    yield f"  group: {_scalar(offer.category)}"
    yield f"  title: {json.dumps(_title(offer), ensure_ascii=False)}"
    yield "  value: 1.0"
    first, last = _day(offer.campaign.first_day_ms), _day(offer.campaign.last_day_ms)
    yield f"  valid: {{from: {first}, until: {last}}}"
    attributes = ", ".join(f"{name}: {_scalar(value)}" for name, value in offer.attributes.items())
    yield f"  attributes: {{{attributes}}}"
    yield "  affinity:"
    for family, keys in offer.affinity.items():
        if keys:
            yield f"    {family}: [{', '.join(map(_scalar, keys))}]"


def _title(offer: Offer) -> str:
    return f"Coupon: {offer.category} ({_counted(len(offer.products), 'product')})"


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def _scalar(value: str | int) -> str:
    """Write a string plainly where no YAML reader can take it for something else, else in quotes."""
    if isinstance(value, int):
        return str(value)
    plain = _PLAIN.fullmatch(value) and value.lower() not in _RESERVED
    return value if plain else json.dumps(value, ensure_ascii=False)


def _day(moment_ms: int) -> str:
    return datetime.fromtimestamp(moment_ms / 1000, tz=UTC).date().isoformat()
