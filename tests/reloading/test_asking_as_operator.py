"""What operators ask a running service over its own address, and what they do to it."""

from collections.abc import Iterator
from dataclasses import dataclass

import grpc
import pytest
from changing_shop import BROKEN, CATALOG, DEARER, PLAIN, ChangingShop, changing_shop
from corner_shop import NOW_MS, question
from running_service import Client, Refusal, Service, ids, read_refusal, wait_until

from nextbest.v1 import action_pb2, admin_pb2, admin_pb2_grpc, decision_pb2, decision_pb2_grpc, model_pb2


@dataclass
class Operated:
    """A service with an admin address, and channels to both of its addresses."""

    shop: ChangingShop
    running: Service
    client: Client
    channel: grpc.Channel
    older: str
    newer: str

    @property
    def admin(self) -> admin_pb2_grpc.AdminServiceStub:
        """The RPCs of operators."""
        return admin_pb2_grpc.AdminServiceStub(self.channel)


@pytest.fixture(scope="module")
def operated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operated]:
    """One service for the module, with two models, that only reloads when it is told to."""
    shop = changing_shop(tmp_path_factory.mktemp("operated"))
    older, newer = shop.train(), shop.train(experience=1)
    shop.home.use_model(CATALOG, older)
    with shop.service("--admin-port", "0", "--no-watch") as running:
        address = running.wait_for("admin_served")["address"]
        client = Client(running.address)
        with grpc.insecure_channel(address) as channel:
            yield Operated(shop, running, client, channel, older, newer)
        client.close()
    assert "Traceback" not in running.log()


def refused(call: object, request: object) -> Refusal:
    """Return the refusal of a call."""
    with pytest.raises(grpc.RpcError) as told:
        call(request, timeout=60)  # type: ignore[operator]
    return read_refusal(told.value)


def test_the_status_tells_what_is_served(operated: Operated) -> None:
    status = operated.admin.GetStatus(admin_pb2.GetStatusRequest(), timeout=20)
    assert status.state == admin_pb2.SERVING_STATE_SERVING
    assert (status.catalog_name, status.action_count, status.killed_action_count) == (CATALOG, 12, 0)
    assert status.versions == operated.client.decide(question(dry_run=True)).versions
    assert status.clock_unix_ms == NOW_MS
    assert status.scorer
    assert {part.name: part.healthy for part in status.parts} == dict.fromkeys(
        ("catalog", "decision_log", "model", "store"), True
    )


def test_decide_is_not_served_to_operators_nor_admin_to_callers(operated: Operated) -> None:
    elsewhere = decision_pb2_grpc.DecisionServiceStub(operated.channel)
    assert refused(elsewhere.Decide, question()).reason == "NOT_SERVED"
    inside = admin_pb2_grpc.AdminServiceStub(operated.client.channel)
    assert refused(inside.GetStatus, admin_pb2.GetStatusRequest()).reason == "NOT_SERVED"


def test_a_reload_is_checked_first_and_swapped_then(operated: Operated) -> None:
    before = operated.client.decide(question(dry_run=True)).versions.catalog
    operated.shop.write(DEARER)
    checked = operated.admin.Reload(admin_pb2.ReloadRequest(validate_only=True), timeout=60)
    assert not checked.swapped
    assert {it.severity for it in checked.diagnostics} <= {admin_pb2.SEVERITY_WARNING}
    assert operated.client.decide(question(dry_run=True)).versions.catalog == before
    swapped = operated.admin.Reload(admin_pb2.ReloadRequest(), timeout=60)
    assert swapped.swapped
    assert operated.client.decide(question(dry_run=True)).versions == swapped.versions
    assert not operated.admin.Reload(admin_pb2.ReloadRequest(), timeout=60).swapped
    operated.shop.write(PLAIN)
    assert operated.admin.Reload(
        admin_pb2.ReloadRequest(targets=[admin_pb2.RELOAD_TARGET_CATALOG]), timeout=60
    ).swapped


def test_a_broken_catalog_is_told_with_its_places_and_shows_in_the_status(operated: Operated) -> None:
    operated.shop.write(BROKEN)
    found = operated.admin.Reload(admin_pb2.ReloadRequest(), timeout=60)
    assert not found.swapped
    (fault,) = found.diagnostics
    assert (fault.severity, fault.file, fault.line) == (admin_pb2.SEVERITY_ERROR, "actions/offers.yaml", 2)
    status = operated.admin.GetStatus(admin_pb2.GetStatusRequest(), timeout=20)
    (catalog,) = [part for part in status.parts if part.name == "catalog"]
    assert not catalog.healthy
    assert catalog.detail.startswith("the last good one serves: actions/offers.yaml:2:")
    operated.shop.write(PLAIN)
    assert not operated.admin.Reload(admin_pb2.ReloadRequest(), timeout=60).swapped
    status = operated.admin.GetStatus(admin_pb2.GetStatusRequest(), timeout=20)
    assert all(part.healthy for part in status.parts)


@pytest.mark.parametrize("target", [0, 3, 4, 99])
def test_parts_that_are_none_are_refused(operated: Operated, target: int) -> None:
    found = refused(operated.admin.Reload, admin_pb2.ReloadRequest(targets=[1, target]))
    assert (found.reason, found.fields) == ("INVALID_REQUEST", ["targets[1]"])


def test_models_are_promoted_and_rolled_back(operated: Operated) -> None:
    admin, older, newer = operated.admin, operated.older, operated.newer

    def states() -> dict[str, int]:
        listed = admin.ListModels(admin_pb2.ListModelsRequest(), timeout=20)
        return {model.version: model.state for model in listed.models}

    assert states() == {older: model_pb2.MODEL_STATE_SERVING, newer: model_pb2.MODEL_STATE_AVAILABLE}
    assert refused(admin.RollbackModel, admin_pb2.RollbackModelRequest()).reason == "NO_PREVIOUS_MODEL"
    promoted = admin.PromoteModel(admin_pb2.PromoteModelRequest(version=newer), timeout=60)
    assert (promoted.versions.model, promoted.previous_version) == (newer, older)
    assert operated.client.decide(question(dry_run=True)).versions.model == newer
    assert states() == {older: model_pb2.MODEL_STATE_PREVIOUS, newer: model_pb2.MODEL_STATE_SERVING}
    again = admin.PromoteModel(admin_pb2.PromoteModelRequest(version=newer), timeout=60)
    assert again.previous_version == newer
    back = admin.RollbackModel(admin_pb2.RollbackModelRequest(), timeout=60)
    assert (back.versions.model, back.rolled_back_version) == (older, newer)
    assert operated.client.decide(question(dry_run=True)).versions.model == older


def test_a_damaged_model_is_not_promoted(operated: Operated) -> None:
    file = operated.shop.home.models(CATALOG) / operated.newer / "model.txt"
    sound = file.read_bytes()
    file.write_bytes(sound[:-100])
    try:
        request = admin_pb2.PromoteModelRequest(version=operated.newer)
        found = refused(operated.admin.PromoteModel, request)
        assert (found.status, found.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "INVALID_MODEL")
        assert str(operated.shop.root) not in found.message
        listed = operated.admin.ListModels(admin_pb2.ListModelsRequest(), timeout=20).models
        (damaged,) = [model for model in listed if model.version == operated.newer]
        assert damaged.state == model_pb2.MODEL_STATE_INVALID
        assert "SHA-256" in damaged.problem
    finally:
        file.write_bytes(sound)
    assert operated.client.decide(question(dry_run=True)).versions.model == operated.older
    assert operated.shop.home.model_history(CATALOG).in_use["champion"] == operated.older


def test_an_unknown_model_is_not_promoted(operated: Operated) -> None:
    found = refused(operated.admin.PromoteModel, admin_pb2.PromoteModelRequest(version="../../etc"))
    assert (found.status, found.reason) == (grpc.StatusCode.NOT_FOUND, "UNKNOWN_MODEL")


def test_an_action_is_stopped_at_once_and_let_go_again(operated: Operated) -> None:
    admin, best = operated.admin, ids(operated.client.decide(question(dry_run=True)))[0]
    order = admin_pb2.KillActionRequest(action_id=best, reason="wrong price", until_unix_ms=NOW_MS + 1000)
    killed = admin.KillAction(order, timeout=20).action
    assert (killed.id, killed.kill.reason, killed.kill.since_unix_ms) == (best, "wrong price", NOW_MS)
    assert best not in ids(operated.client.decide(question(dry_run=True)))
    listed = admin.ListActions(admin_pb2.ListActionsRequest(killed_only=True), timeout=20).actions
    assert [(action.id, action.kill.until_unix_ms) for action in listed] == [(best, NOW_MS + 1000)]
    assert admin.GetStatus(admin_pb2.GetStatusRequest(), timeout=20).killed_action_count == 1
    revived = admin.ReviveAction(admin_pb2.ReviveActionRequest(action_id=best), timeout=20).action
    assert not revived.HasField("kill")
    assert ids(operated.client.decide(question(dry_run=True)))[0] == best


@pytest.mark.parametrize(
    ("fields", "reason", "wrong"),
    [
        ({"action_id": "nothing", "reason": "x"}, "UNKNOWN_REFERENCE", ["action_id"]),
        ({"action_id": "spring-wine", "reason": ""}, "INVALID_REQUEST", ["reason"]),
        ({"action_id": "spring-wine", "reason": "x" * 257}, "INVALID_REQUEST", ["reason"]),
        (
            {"action_id": "spring-wine", "reason": "x", "until_unix_ms": NOW_MS},
            "INVALID_REQUEST",
            ["until_unix_ms"],
        ),
    ],
)
def test_orders_that_make_no_sense_are_refused(
    operated: Operated, fields: dict[str, object], reason: str, wrong: list[str]
) -> None:
    found = refused(operated.admin.KillAction, admin_pb2.KillActionRequest(**fields))
    assert (found.reason, found.fields) == (reason, wrong)


def test_actions_are_listed_page_by_page(operated: Operated) -> None:
    seen, token = list[str](), ""
    while True:
        request = admin_pb2.ListActionsRequest(page_size=5, page_token=token)
        page = operated.admin.ListActions(request, timeout=20)
        assert len(page.actions) <= 5
        seen += [action.id for action in page.actions]
        token = page.next_page_token
        if not token:
            break
    assert len(seen) == len(set(seen)) == 12
    assert seen[0] == "spring-apples"
    for request in (
        admin_pb2.ListActionsRequest(page_size=-1),
        admin_pb2.ListActionsRequest(page_token="!"),
        admin_pb2.ListActionsRequest(page_token="AAAA"),
    ):
        assert refused(operated.admin.ListActions, request).reason == "INVALID_REQUEST"


def test_placements_are_listed_as_the_catalog_has_them(operated: Operated) -> None:
    placements = operated.admin.ListPlacements(admin_pb2.ListPlacementsRequest(), timeout=20).placements
    home = next(placement for placement in placements if placement.id == "home")
    assert (home.channel, home.direction) == ("web", action_pb2.DIRECTION_INBOUND)
    assert home.max_limit >= home.default_limit > 0


def explained(operated: Operated, **which: str) -> admin_pb2.ExplainDecisionResponse:
    return operated.admin.ExplainDecision(admin_pb2.ExplainDecisionRequest(**which), timeout=30)


def explained_soon(operated: Operated, **which: str) -> admin_pb2.ExplainDecisionResponse:
    """Explain a decision as soon as its record is written."""
    found = list[admin_pb2.ExplainDecisionResponse]()

    def is_there() -> bool:
        try:
            found.append(explained(operated, **which))
        except grpc.RpcError as error:
            return read_refusal(error).reason != "UNKNOWN_DECISION"
        return True

    wait_until(is_there)
    return found[0]


def test_a_past_decision_is_made_again_to_the_last_bit(operated: Operated) -> None:
    full = decision_pb2.EXPLAIN_LEVEL_FULL
    answer = operated.client.decide(question(explain_level=full, include_content=True))
    for which in (
        {"decision_id": answer.decision_id},
        {"token": answer.placements[0].propositions[0].token},
    ):
        found = explained_soon(operated, **which)
        assert found.reproduced, found.problem
        again, expected = found.decision, decision_pb2.DecideResponse.FromString(answer.SerializeToString())
        expected.ClearField("timing")
        for placement in expected.placements:
            for proposition in placement.propositions:
                proposition.ClearField("token")
        assert again == expected


def test_a_decision_of_another_catalog_is_shown_as_it_was_recorded(operated: Operated) -> None:
    answer = operated.client.decide(question())
    operated.shop.write(DEARER)
    assert operated.admin.Reload(admin_pb2.ReloadRequest(), timeout=60).swapped
    found = explained_soon(operated, decision_id=answer.decision_id)
    assert not found.reproduced
    assert found.problem.reason == "NOT_REPRODUCED"
    assert found.decision.versions == answer.versions
    assert ids(found.decision) == ids(answer)
    for told, given in zip(
        found.decision.placements[0].propositions, answer.placements[0].propositions, strict=True
    ):
        assert told.propensity == pytest.approx(given.propensity, rel=1e-6)
        assert told.selection_type == given.selection_type
    operated.shop.write(PLAIN)
    assert operated.admin.Reload(admin_pb2.ReloadRequest(), timeout=60).swapped


@pytest.mark.parametrize(
    ("which", "reason"),
    [
        ({}, "INVALID_REQUEST"),
        ({"decision_id": "00" * 16}, "UNKNOWN_DECISION"),
        ({"decision_id": "zz"}, "INVALID_REQUEST"),
        ({"token": "forged"}, "INVALID_TOKEN"),
    ],
)
def test_decisions_that_are_not_known_are_refused(
    operated: Operated, which: dict[str, str], reason: str
) -> None:
    request = admin_pb2.ExplainDecisionRequest(**which)
    assert refused(operated.admin.ExplainDecision, request).reason == reason
