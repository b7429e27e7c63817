"""The AdminService: it only translates between the wire and what operators ask for."""

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from nextbest.v1 import admin_pb2
from nextbest_rules import Action, Catalog
from nextbest_service.admin.kills import KillSwitch
from nextbest_service.admin.models import Models
from nextbest_service.admin.status import Overview
from nextbest_service.api.edge import Method
from nextbest_service.api.findings import Findings
from nextbest_service.api.past_decisions import PastDecisions
from nextbest_service.api.refusals import Context
from nextbest_service.api.render_admin import (
    render_action,
    render_models,
    render_placement,
    render_reload,
    render_status,
    render_versions,
)
from nextbest_service.decisions.generation import Generation
from nextbest_service.errors import FieldViolation, InvalidRequestError
from nextbest_service.reload.reloader import Reloader
from nextbest_service.reload.results import Outcome, Target

MOST_REASON_BYTES = 256
MOST_TARGETS = 16
MOST_PER_PAGE = 1000
_USUAL_PER_PAGE = 100
_TARGETS: Mapping[int, Target] = {
    admin_pb2.RELOAD_TARGET_CATALOG: Target.CATALOG,
    admin_pb2.RELOAD_TARGET_MODEL: Target.MODEL,
    admin_pb2.RELOAD_TARGET_CERTIFICATES: Target.CERTIFICATES,
    admin_pb2.RELOAD_TARGET_CALLERS: Target.CALLERS,
}


def nobody(_context: Context) -> str:
    """Return who calls: nobody that we know."""
    return ""


@dataclass(frozen=True, slots=True)
class AdminServicer:
    """Serves `nextbest.v1.AdminService`.

    `told` makes the other workers of the service load anew; `caller` tells who calls.
    """

    overview: Overview
    reloader: Reloader
    models: Models
    kills: KillSwitch
    past: PastDecisions
    told: Callable[[], None]
    caller: Callable[[Context], str] = nobody

    @property
    def methods(self) -> Mapping[str, Method]:
        """The methods by the name of their RPC."""
        return {
            "GetStatus": self.get_status,
            "Reload": self.reload,
            "ListModels": self.list_models,
            "PromoteModel": self.promote_model,
            "RollbackModel": self.rollback_model,
            "KillAction": self.kill_action,
            "ReviveAction": self.revive_action,
            "ListActions": self.list_actions,
            "ListPlacements": self.list_placements,
            "ExplainDecision": self.past.explain,
        }

    async def get_status(self, _: admin_pb2.GetStatusRequest, __: Context) -> admin_pb2.GetStatusResponse:
        """Tell how this server is, even before it is ready."""
        return render_status(await self.overview.status())

    async def reload(self, message: admin_pb2.ReloadRequest, _: Context) -> admin_pb2.ReloadResponse:
        """Load parts anew, here and in the other workers."""
        targets, findings = list[Target](), Findings()
        findings.require(len(message.targets) <= MOST_TARGETS, "targets", f"at most {MOST_TARGETS}")
        findings.raise_if_any()
        for index, number in enumerate(message.targets):
            target = _TARGETS.get(number)
            if target is None:
                findings.reject(f"targets[{index}]", "not a declared part")
            elif not self.reloader.has(target):
                findings.reject(f"targets[{index}]", "this server has no such part")
            else:
                targets.append(target)
        findings.raise_if_any()
        self.reloader.current()  # not before there is anything
        found = await self.reloader.reload(
            "admin", targets, only_check=message.validate_only, with_warnings=True
        )
        if not message.validate_only and found.outcome is not Outcome.REFUSED:
            self.told()
        return render_reload(found, self._generation.versions)

    async def list_models(self, _: admin_pb2.ListModelsRequest, __: Context) -> admin_pb2.ListModelsResponse:
        """List the models, newest first."""
        return render_models(await self.models.known())

    async def promote_model(
        self, message: admin_pb2.PromoteModelRequest, _: Context
    ) -> admin_pb2.PromoteModelResponse:
        """Put a model into use."""
        if not message.version:
            raise InvalidRequestError([FieldViolation("version", "missing")])
        before = await self.models.promote(message.version)
        return admin_pb2.PromoteModelResponse(
            versions=render_versions(self._generation.versions), previous_version=before
        )

    async def rollback_model(
        self, _: admin_pb2.RollbackModelRequest, __: Context
    ) -> admin_pb2.RollbackModelResponse:
        """Put the model before back into use."""
        taken_out = await self.models.roll_back()
        return admin_pb2.RollbackModelResponse(
            versions=render_versions(self._generation.versions), rolled_back_version=taken_out
        )

    async def kill_action(
        self, message: admin_pb2.KillActionRequest, context: Context
    ) -> admin_pb2.KillActionResponse:
        """Stop an action."""
        findings = Findings()
        size = len(message.reason.encode())
        findings.require(0 < size <= MOST_REASON_BYTES, "reason", f"1 to {MOST_REASON_BYTES} bytes")
        findings.require(message.until_unix_ms >= 0, "until_unix_ms", "0 is not before it is revived")
        findings.require(bool(message.action_id), "action_id", "missing")
        action = self._action(message.action_id, findings)
        findings.raise_if_any()
        assert action is not None
        until_ms = message.until_unix_ms or None
        stopped = await self.kills.kill(action.id, message.reason, until_ms, self.caller(context))
        return admin_pb2.KillActionResponse(action=render_action(action, stopped.kills.get(action.id)))

    async def revive_action(
        self, message: admin_pb2.ReviveActionRequest, _: Context
    ) -> admin_pb2.ReviveActionResponse:
        """Let an action be offered again."""
        findings = Findings()
        action = self._action(message.action_id, findings)
        findings.raise_if_any()
        assert action is not None
        await self.kills.revive(action.id)
        return admin_pb2.ReviveActionResponse(action=render_action(action, None))

    async def list_actions(
        self, message: admin_pb2.ListActionsRequest, _: Context
    ) -> admin_pb2.ListActionsResponse:
        """List a page of the catalog's actions."""
        catalog = self._generation.catalog
        start, size = _page(message, catalog)
        kills = (await self.kills.stopped()).kills
        listed = [
            (row, action)
            for row, action in enumerate(catalog.actions[start:], start)
            if not message.killed_only or action.id in kills
        ]
        page, rest = listed[:size], listed[size:]
        return admin_pb2.ListActionsResponse(
            actions=[render_action(action, kills.get(action.id)) for _, action in page],
            next_page_token=_token(catalog, message.killed_only, rest[0][0]) if rest else "",
        )

    async def list_placements(
        self, _: admin_pb2.ListPlacementsRequest, __: Context
    ) -> admin_pb2.ListPlacementsResponse:
        """List the catalog's placements."""
        placements = self._generation.catalog.placements.values()
        return admin_pb2.ListPlacementsResponse(placements=[*map(render_placement, placements)])

    @property
    def _generation(self) -> Generation:
        return self.reloader.generation

    def _action(self, action_id: str, findings: Findings) -> Action | None:
        catalog = self._generation.catalog
        row = catalog.index.get(action_id)
        if row is None:
            if action_id:
                findings.miss("action_id", "the catalog declares no such action")
            else:
                findings.reject("action_id", "missing")
            return None
        return catalog.actions[row]


def _page(message: admin_pb2.ListActionsRequest, catalog: Catalog) -> tuple[int, int]:
    """Return the first row of a page and how many there are at most."""
    findings = Findings()
    findings.require(message.page_size >= 0, "page_size", "0 is the usual size; not negative")
    start = _start(message, catalog) if message.page_token else 0
    findings.require(start is not None, "page_token", "not of this catalog and question; begin anew")
    findings.raise_if_any()
    return start or 0, min(message.page_size or _USUAL_PER_PAGE, MOST_PER_PAGE)


def _token(catalog: Catalog, killed_only: bool, row: int) -> str:
    return base64.urlsafe_b64encode(f"{catalog.version}:{killed_only:d}:{row}".encode()).decode()


def _start(message: admin_pb2.ListActionsRequest, catalog: Catalog) -> int | None:
    try:
        version, killed_only, row = base64.urlsafe_b64decode(message.page_token).decode().split(":")
        start = int(row)
    except (ValueError, binascii.Error):
        return None
    fits = version == catalog.version and killed_only == f"{message.killed_only:d}"
    return start if fits and 0 <= start < len(catalog.actions) else None
