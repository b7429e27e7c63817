"""The whole of `nextbest evaluate`: models, log, the decisions filled again, the judgement."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from nextbest_models.artifact import load, read_manifest
from nextbest_models.features import FeatureSpec
from nextbest_models.judging.gates import GateReport, Gates
from nextbest_models.judging.judgement import Judgement
from nextbest_models.judging.slots import CANDIDATE, SERVING
from nextbest_models.judging.verdict import JudgementError, judge
from nextbest_models.logged.attributor import Attributor
from nextbest_models.logged.export import LogExport
from nextbest_models.progress import Progress, silent
from nextbest_models.ranker import ModelError
from nextbest_rules import Catalog, RuleSet
from nextbest_rules.terms import ExplorationMethod
from nextbest_service.decisions.factors import Floats
from nextbest_service.decisions.generation import exclusive_rules, feature_spec
from nextbest_service.decisions.slot_plan import SlotPlan
from nextbest_service.decisions.standing import Standing
from nextbest_service.judging.gathering import Gathering, JudgedModel, Judges
from nextbest_service.judging.log_source import COLUMNS, Batch
from nextbest_service.judging.period import Period, Sample
from nextbest_service.judging.question import JudgingError, Question, learned_until
from nextbest_service.judging.served import Surfaces

TOO_YOUNG = "their outcomes may still come"
NOT_SAMPLED = "only a sample was asked for"
OTHER_TIME = "they are outside the period"
SUSPICIOUS_SHARE = 0.01


def evaluate_models(
    question: Question, catalog: Catalog, gates: Gates, progress: Progress = silent
) -> Judgement:
    """Judge a candidate model by the decisions of the log.

    Raises:
        ModelError: a model is damaged or was trained for other features.
        JudgingError: no decision can be judged, or nothing came of any.
        LoggedDataError: the directory is no export, or a file is damaged.
        OffPolicyError: options make no sense.
    """
    spec = feature_spec(catalog)
    judges = _judges(question, catalog, spec)
    period = _period(question)
    gathering = _gathered(
        question, judges, catalog, period, LogExport(question.log, spec.digest, catalog.name), progress
    )
    if not gathering.decisions:
        raise JudgingError(_nothing(question, gathering.left_out))
    progress("Judging", 0, 1)
    try:
        verdict = judge(gathering.log(), question.reward, question.options)
    except JudgementError as error:
        raise JudgingError(f"{error}. Were outcomes reported, and exported since?") from error
    progress("Judging", 1, 1)
    times = [datetime.fromtimestamp(time / 1000, tz=UTC) for time in gathering.times_ms]
    judgement = Judgement(
        candidate=question.candidate.name,
        serving=question.serving.name if question.serving else "",
        first=min(times),
        last=max(times),
        decisions=gathering.decisions,
        left_out=dict(gathering.left_out),
        cautions=(*_overlaps(question, min(times)), *_misfits(gathering)),
        verdict=verdict,
        gates=GateReport(),
    )
    return judgement.with_gates(gates)


def _period(question: Question) -> Period:
    since = question.since or learned_until(read_manifest(question.candidate))
    return Period.of(since, question.until)


def _judges(question: Question, catalog: Catalog, spec: FeatureSpec) -> Judges:
    actions = catalog.actions
    models = {CANDIDATE: JudgedModel.of(load(question.candidate, spec), actions)}
    if question.serving is not None:
        models[SERVING] = JudgedModel.of(load(question.serving, spec), actions)
    siblings = [path.parent for path in question.candidate.parent.glob("*/manifest.json")]
    return Judges(
        surfaces=Surfaces(RuleSet.compile(catalog), SlotPlan.of(catalog)),
        exclusive=exclusive_rules(catalog),
        models=models,
        strengths=dict(_strengths(siblings, catalog, spec)),
        unknown_strength=Standing.of(actions, None).expected.strength,
    )


def _strengths(directories: list[Path], catalog: Catalog, spec: FeatureSpec) -> Iterator[tuple[str, Floats]]:
    """Yield how strong each version's propensities are: placements that try by Thompson ask for it."""
    explorations = (it.exploration for it in catalog.placements.values())
    if not any(it and it.method is ExplorationMethod.THOMPSON for it in explorations):
        return
    for directory in directories:
        try:
            yield directory.name, Standing.of(catalog.actions, load(directory, spec)).expected.strength
        except ModelError:
            continue


def _gathered(
    question: Question,
    judges: Judges,
    catalog: Catalog,
    period: Period,
    export: LogExport,
    progress: Progress,
) -> Gathering:
    gathering = Gathering([action.type.value for action in catalog.actions], question.placement)
    attributor = Attributor.of(export, question.attribution)
    sample = Sample.of(export, period, question.most)
    for decisions in export.batches(more=COLUMNS, progress=progress):
        if not any(map(period.holds, decisions.times_ms.tolist())):
            gathering.left_out[OTHER_TIME] += len(decisions)
            continue
        batch = Batch.of(decisions, attributor.came_of(decisions), catalog.index)
        for number, (id_, time_ms) in enumerate(
            zip(decisions.ids.tolist(), decisions.times_ms.tolist(), strict=True)
        ):
            if not period.holds(time_ms):
                gathering.left_out[OTHER_TIME] += 1
            elif not sample.holds(id_):
                gathering.left_out[NOT_SAMPLED] += 1
            elif not batch.is_settled(number):
                gathering.left_out[TOO_YOUNG] += 1
            else:
                gathering.add(judges, batch, number)
    gathering.left_out.update(export.left_out)
    return gathering


def _overlaps(question: Question, first: datetime) -> Iterator[str]:
    for name, directory in (("candidate", question.candidate), ("serving model", question.serving)):
        if directory is None:
            continue
        learned = learned_until(read_manifest(directory))
        if learned is None:
            yield f"the {name} does not tell when its training data ended: it may have learned from these"
        elif first < learned:
            yield (
                f"the {name} learned from decisions until {learned:%Y-%m-%d %H:%M} UTC, and some that it is"
                " judged by are older: its figures flatter it"
            )


def _misfits(gathering: Gathering) -> Iterator[str]:
    share = gathering.misfits / max(1, gathering.misfits + gathering.decisions)
    if share > SUSPICIOUS_SHARE:
        yield (
            f"{share:.1%} of the decisions cannot have been made as the catalog says, and were left out: if"
            " it changed since, judge by later decisions (--since)"
        )


def _nothing(question: Question, left_out: Mapping[str, int]) -> str:
    reasons = "; ".join(f"{count:,}: {reason}" for reason, count in left_out.items())
    told = f"no decision of the log can be judged ({reasons or 'there is none'})"
    learned = learned_until(read_manifest(question.candidate))
    if question.since is not None or learned is None:
        return told
    return f"{told}. The candidate learned from what came before {learned:%Y-%m-%d %H:%M} UTC; see --since"
