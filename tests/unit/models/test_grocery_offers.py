from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from nextbest_models.complete_journey.catalog_files import render_action_files
from nextbest_models.complete_journey.events import Baskets, Membership
from nextbest_models.complete_journey.offers import MAX_KEYS, Campaign, Offer, read_campaigns, read_offers
from nextbest_models.complete_journey.tables import SourceError, Table, read_table
from nextbest_models.definitions import DAY_MS

CAMPAIGN = Campaign("18", "A", 17_469 * DAY_MS, 17_524 * DAY_MS)


def _coupons(rows: list[tuple[int, int, int]]) -> Table:
    columns = np.array(rows, dtype=np.int64).T
    return Table(dict(zip(("campaign_id", "coupon_upc", "product_id"), columns, strict=True)))


def _products(rows: list[tuple[int, str | None, str | None]]) -> Table:
    ids, categories, types = zip(*rows, strict=True)
    return Table(
        {
            "product_id": np.array(ids),
            "manufacturer_id": np.array([69] * len(ids)),
            "product_category": np.array(categories, dtype=object),
            "product_type": np.array(types, dtype=object),
        }
    )


def test_equal_product_sets_share_their_name_and_repetitions_do_not_count() -> None:
    coupons = _coupons([(18, 7, 2), (18, 7, 1), (18, 7, 1), (18, 9, 1), (18, 9, 2), (18, 8, 1)])
    offers = read_offers((CAMPAIGN,), coupons, _products([(1, "YOGURT", "CUPS"), (2, "YOGURT", "CUPS")]))
    assert [(offer.id, offer.product_set, offer.products.tolist()) for offer in offers] == [
        ("c18-7", "s1", [1, 2]),
        ("c18-8", "s2", [1]),
        ("c18-9", "s1", [1, 2]),
    ]


def test_an_offers_types_are_those_of_most_products_and_at_most_sixteen() -> None:
    types = [(number, "SNACKS", f"TYPE {number % 20:02}") for number in range(1, 60)]
    offer = read_offers((CAMPAIGN,), _coupons([(18, 7, row[0]) for row in types]), _products(types))[0]
    assert len(offer.product_types) == MAX_KEYS
    assert offer.product_types[0] == "TYPE 01"
    assert "TYPE 00" not in offer.product_types


def test_an_offer_for_products_nobody_describes_still_has_a_group() -> None:
    offer = read_offers((CAMPAIGN,), _coupons([(18, 7, 5)]), _products([(5, None, None)]))[0]
    assert (offer.category, offer.product_types) == ("OTHER", ())


def test_campaigns_come_by_their_first_day_with_both_ends_counted() -> None:
    table = Table(
        {
            "campaign_id": np.array([2, 1]),
            "campaign_type": np.array(["Type A", "Type C"], dtype=object),
            "start_date": np.array([5 * DAY_MS, 3 * DAY_MS]),
            "end_date": np.array([6 * DAY_MS, 3 * DAY_MS]),
        }
    )
    assert [(item.id, item.type, item.days) for item in read_campaigns(table)] == [
        ("1", "C", 1),
        ("2", "A", 2),
    ]


def test_an_action_file_reads_like_this() -> None:
    offer = Offer(
        CAMPAIGN, "51380041013", "MILK: FRESH", np.arange(1_034), "s123", ("YOGURT", "NO", "0% FAT"), ("69",)
    )
    text = render_action_files([offer])["campaign-18.yaml"]
    header, text = text.split("\n", 1)
    assert header == "# yaml-language-server: $schema=../../../schemas/actions.json"
    assert text.startswith("# Campaign 18 of type A, 2017-10-30 to 2017-12-24: 1 offer.\n")
    assert text[text.index("- id") :] == (
        "- id: c18-51380041013\n"
        "  type: OFFER\n"
        "  issue: retention\n"
        '  group: "MILK: FRESH"\n'
        '  title: "Coupon: MILK: FRESH (1,034 products)"\n'
        "  value: 1.0\n"
        "  valid: {from: 2017-10-30, until: 2017-12-24}\n"
        '  attributes: {campaign: "18", campaign_type: A, products: 1034, duration_days: 56}\n'
        "  affinity:\n"
        "    offer_products: [s123]\n"
        '    product_type: [YOGURT, "NO", "0% FAT"]\n'
        '    manufacturer: ["69"]\n'
    )


def test_a_trip_touches_a_key_once_with_all_that_was_spent_on_it() -> None:
    lines = Table(
        {
            "household_id": np.array([4, 4, 4, 3]),
            "basket_id": np.array([90, 90, 90, 80]),
            "product_id": np.array([1, 2, 7, 2]),
            "sales_value": np.array([1.5, 2.5, 8.0, 3.0]),
            "retail_disc": np.array([0.0, 0.5, 0.0, 0.0]),
            "coupon_disc": np.array([0.0, 1.0, 1.0, 0.0]),
            "transaction_timestamp": np.array([10, 10, 10, 20]),
        }
    )
    baskets = Baskets.of(np.array([3, 4]), lines)
    touches = baskets.touches(Membership.of(np.array([2, 1, 2, 9]), np.array([0, 0, 5, 0])))
    rows = zip(
        touches.stream.times_ms.tolist(),
        touches.stream.customers.tolist(),
        touches.keys.tolist(),
        touches.stream.values["spend"].tolist(),
        strict=True,
    )
    assert list(rows) == [(10, 1, 0, 4.0), (10, 1, 5, 2.5), (20, 0, 0, 3.0), (20, 0, 5, 3.0)]
    trips = {name: values.tolist() for name, values in baskets.trips.values.items()}
    assert trips == {
        "spend": [12.0, 3.0],
        "lines": [3.0, 1.0],
        "retail_discount": [0.5, 0.0],
        "coupon_lines": [2.0, 0.0],
        "with_coupon": [1.0, 0.0],
    }


def test_a_product_without_a_key_belongs_nowhere() -> None:
    membership = Membership.of(np.array([1, 2]), np.array([-1, 3]))
    assert (membership.products.tolist(), membership.keys.tolist()) == ([2], [3])


def test_a_missing_table_is_reported_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"coupons\.parquet cannot be read"):
        read_table(tmp_path, "coupons", ("coupon_upc",))


def test_a_broken_table_is_reported(tmp_path: Path) -> None:
    (tmp_path / "coupons.parquet").write_bytes(b"PAR1 and nothing else PAR1")
    with pytest.raises(SourceError, match="cannot be read"):
        read_table(tmp_path, "coupons", ("coupon_upc",))


def test_a_table_of_another_size_is_refused(tmp_path: Path) -> None:
    pyarrow.parquet.write_table(pyarrow.table({"coupon_upc": [1, 2]}), tmp_path / "coupons.parquet")
    with pytest.raises(SourceError, match="has 2 rows instead of 116204"):
        read_table(tmp_path, "coupons", ("coupon_upc",))
