from worlds import FILES, World, customer, held, ids, why

from nextbest_rules import Stage

CAPPED = (
    FILES["actions/all"]
    .replace("  value: 200\n", "  value: 200\n  volume_cap: 500\n")
    .replace("  value: 50\n", "  value: 50\n  volume_cap: 0\n")
)


def test_an_action_ends_with_its_volume(world: World) -> None:
    rules = world(actions=CAPPED)
    assert held(rules, customer()) == {"fridge"}
    assert held(rules, customer(volumes={"loan": 499, "tip": 9_999_999})) == {"fridge"}
    assert held(rules, customer(volumes={"loan": 500})) == {"fridge", "loan"}
    assert held(rules, customer(volumes={"loan": 501})) == {"fridge", "loan"}
    found = why(rules, customer(volumes={"loan": 500}), "loan")
    assert (found.stage, found.rule_id) == (Stage.CONTACT_POLICY, "volume_cap")
    assert (found.actual, found.required) == ("500 contacts", "fewer than 500 contacts with all customers")
    assert found.eligible_at_ms is None


def test_a_volume_of_zero_is_never(world: World) -> None:
    found = why(world(actions=CAPPED), customer(), "fridge")
    assert (found.actual, found.required) == ("0 contacts", "fewer than 0 contacts with all customers")


def test_volumes_that_cannot_be_read_stop_what_is_capped(world: World) -> None:
    rules = world(actions=CAPPED)
    assert held(rules, customer(volumes=None)) == {"fridge", "loan"}
    assert why(rules, customer(volumes=None), "loan").actual == "the volumes cannot be read"


def test_without_a_cap_there_is_no_limit(world: World) -> None:
    rules = world()
    everything = {action.id: 10**9 for action in rules.catalog.actions}
    assert ids(rules, customer(volumes=everything)) == everything.keys()
    assert held(rules, customer(volumes=None)) == set()
