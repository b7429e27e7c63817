"""From what operators ask for to the wire."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib.metadata import version
from typing import cast

from nextbest.v1 import action_pb2, admin_pb2, catalog_pb2, model_pb2, version_pb2
from nextbest_rules import Action, ActionType, Placement
from nextbest_rules.records import Kill
from nextbest_service.admin.models import KnownModel, State
from nextbest_service.admin.status import Serving, Status
from nextbest_service.decisions.generation import Versions
from nextbest_service.reload.findings import Finding
from nextbest_service.reload.results import Outcome, Reload

_SERVING = {
    Serving.STARTING: admin_pb2.SERVING_STATE_STARTING,
    Serving.SERVING: admin_pb2.SERVING_STATE_SERVING,
    Serving.DRAINING: admin_pb2.SERVING_STATE_DRAINING,
}
_STATES: Mapping[State, model_pb2.ModelState] = {
    state: cast(model_pb2.ModelState, model_pb2.ModelState.Value(f"MODEL_STATE_{state.name}"))
    for state in State
}
_TYPES: Mapping[ActionType, action_pb2.ActionType] = {
    kind: cast(action_pb2.ActionType, action_pb2.ActionType.Value(f"ACTION_TYPE_{kind.name}"))
    for kind in ActionType
}
_FIGURES = ("auc", "ndcg_at_10", "calibration_error")


def render_versions(versions: Versions) -> version_pb2.Versions:
    """Return the versions of a generation."""
    return version_pb2.Versions(
        catalog=versions.catalog,
        ruleset=versions.ruleset,
        model=versions.model,
        feature_spec=versions.feature_spec,
    )


def render_status(status: Status) -> admin_pb2.GetStatusResponse:
    """Return how a server is."""
    generation = status.generation
    response = admin_pb2.GetStatusResponse(
        state=_SERVING[status.serving],
        server_version=version("nextbest"),
        started_at_unix_ms=status.started_ms,
        clock_unix_ms=status.clock_ms,
        killed_action_count=status.killed or 0,
        parts=[
            admin_pb2.PartStatus(name=part, healthy=it.healthy, detail=it.detail, since_unix_ms=it.since_ms)
            for part, it in sorted(status.parts.items())
        ],
    )
    if generation is not None:
        response.versions.CopyFrom(render_versions(generation.versions))
        response.catalog_name = generation.catalog.name
        response.action_count = len(generation.catalog.actions)
        ranker = generation.champion.ranker
        response.scorer = ranker.scorer.name if ranker else ""
    return response


def render_reload(found: Reload, versions: Versions) -> admin_pb2.ReloadResponse:
    """Return how a reload went."""
    return admin_pb2.ReloadResponse(
        swapped=found.outcome is Outcome.SWAPPED,
        versions=render_versions(versions),
        diagnostics=[_diagnostic(it) for it in sorted(found.findings, key=lambda it: it.warning)],
    )


def render_models(models: Sequence[KnownModel]) -> admin_pb2.ListModelsResponse:
    """Return models with what they do."""
    return admin_pb2.ListModelsResponse(models=[*map(_model, models)])


def render_action(action: Action, kill: Kill | None) -> catalog_pb2.Action:
    """Return an action, and why it is killed if it is."""
    first, last = (action.valid[0], action.valid[-1]) if action.valid else (None, None)
    message = catalog_pb2.Action(
        id=action.id,
        type=_TYPES[action.type],
        issue=action.issue,
        group=action.group,
        title=action.title,
        valid_from_unix_ms=(first.from_ms or 0) if first else 0,
        valid_until_unix_ms=(last.until_ms or 0) if last else 0,
        channels=sorted(action.channels or ()),
    )
    if kill is not None:
        message.kill.CopyFrom(
            catalog_pb2.Kill(
                reason=kill.reason,
                caller=kill.caller,
                since_unix_ms=kill.since_ms,
                until_unix_ms=kill.until_ms or 0,
            )
        )
    return message


def render_placement(placement: Placement) -> catalog_pb2.Placement:
    """Return a placement; one that leaves the channel to us has none."""
    return catalog_pb2.Placement(
        id=placement.id,
        title=placement.title,
        channel=placement.channels[0] if len(placement.channels) == 1 else "",
        direction=cast(
            action_pb2.Direction, action_pb2.Direction.Value(f"DIRECTION_{placement.direction.name}")
        ),
        action_types=[number for kind, number in _TYPES.items() if kind in placement.accepts],
        default_limit=placement.default_limit,
        max_limit=placement.max_limit,
    )


def _model(model: KnownModel) -> model_pb2.Model:
    listed = model.listed
    figures = {name: getattr(listed, name) for name in _FIGURES}
    trained = datetime.fromisoformat(listed.created).timestamp() if listed.created else 0.0
    return model_pb2.Model(
        version=listed.version,
        state=_STATES[model.state],
        trained_at_unix_ms=round(trained * 1000),
        metrics={name: figure for name, figure in figures.items() if figure is not None},
        problem=model.problem,
    )


def _diagnostic(found: Finding) -> admin_pb2.Diagnostic:
    return admin_pb2.Diagnostic(
        severity=admin_pb2.SEVERITY_WARNING if found.warning else admin_pb2.SEVERITY_ERROR,
        file=found.file,
        line=found.line,
        column=found.column,
        message=found.message,
    )
