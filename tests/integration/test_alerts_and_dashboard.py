"""Alerts and dashboard speak of series that there are; alerts fire when they should, and have a runbook."""

import itertools
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
import redis
import yaml
from authority import Authority, bearer, channel_credentials, replaced
from corner_shop import question
from promql import groupings, parsed, reads
from running_service import DECIDE, service
from scraping import Values, values

from nextbest_service.security.caller_tokens import make_token
from observability.dashboard import COLUMNS, TARGET, dashboard, read_rows, to_text

REPOSITORY = Path(__file__).parents[2]
ALERTS, CASES = (REPOSITORY / "observability" / name for name in ("alerts.yaml", "alerts.test.yaml"))
RULES: dict[str, dict[str, Any]] = {
    rule["alert"]: rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]
}
PANELS = [panel for panel in dashboard(read_rows())["panels"] if panel["type"] != "row"]
EXPRESSIONS = {
    **{f"alert {name}": rule["expr"] for name, rule in RULES.items()},
    **{
        f"panel {panel['title']}, {target['refId']}": target["expr"]
        for panel in PANELS
        for target in panel["targets"]
    },
}
OF_PROMETHEUS = {"up": frozenset[str]()}
PENDING: dict[str, frozenset[str]] = {}
"""Series that are agreed on and not served yet, with their labels."""
BY_PROMETHEUS = {"job", "instance"}
PROMTOOL = shutil.which("promtool")
AUTHORITY, TOKEN = Authority(), make_token()
CALLERS = f"""
callers:
  - name: web
    tokens: [{{sha256: {TOKEN.sha256}}}]
    rpcs: [DecisionService/*]
    quota: {{per_second: 0.001, burst: 1}}
    channels: ["*"]
    placements: ["*"]
    brands: ["*"]
"""


@pytest.fixture(scope="module")
def scraped(
    shop_model: Path, shop_store: redis.Redis, shop_store_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Values:
    """What a service in production tells after it has been called, and has refused a call."""
    del shop_store
    directory = tmp_path_factory.mktemp("files")
    certificate, key = AUTHORITY.server().written(directory, "tls")
    options = ["--redis-url", shop_store_url, "--model", str(shop_model), "--store-timeout-ms", "2000"]
    options += ["--tls-cert", str(certificate), "--tls-key", str(key), "--production", "--metrics-port", "0"]
    options += ["--callers", str(replaced(directory / "callers.yaml", CALLERS)), "--log-decisions", "1"]
    with service(tmp_path_factory.mktemp("scraped"), *options) as running:
        with grpc.secure_channel(running.address, channel_credentials(AUTHORITY.root)) as channel:
            decide = channel.unary_unary(DECIDE)
            decide(question().SerializeToString(), timeout=20, metadata=bearer(TOKEN.token))
            for metadata in ((), bearer(TOKEN.token)):  # nobody, and one who asks more than it may
                with pytest.raises(grpc.RpcError):
                    decide(question().SerializeToString(), timeout=20, metadata=metadata)
        assert [line["caller"] for line in running.events("decision")] == ["web"]
        return values(str(running.wait_for("metrics_served")["address"]))


@pytest.fixture(scope="module")
def served(scraped: Values) -> dict[str, frozenset[str]]:
    """The labels of every series that is served."""
    found: dict[str, frozenset[str]] = {}
    for name, labels in scraped:
        found[name] = found.get(name, frozenset()) | {label for label, _ in labels}
    return found


@pytest.mark.parametrize("where", sorted(EXPRESSIONS))
def test_an_expression_can_be_parsed_and_reads_series_that_are_served(
    where: str, served: dict[str, frozenset[str]]
) -> None:
    known = {**served, **OF_PROMETHEUS, **PENDING}
    expression = EXPRESSIONS[where]
    assert [*reads(expression)]
    for metric, labels in reads(expression):
        assert metric in known, f"{metric} is not served"
        assert labels <= known[metric] | BY_PROMETHEUS, f"{metric} has no such label"
    for kept, metrics in groupings(expression):
        there = frozenset(itertools.chain.from_iterable(known[metric] for metric in metrics))
        assert kept <= there | BY_PROMETHEUS, f"{sorted(metrics)} have no such label"


def test_no_series_is_pending_that_is_served(served: dict[str, frozenset[str]]) -> None:
    assert not PENDING.keys() & served.keys(), "take it off the list"
    used = {read.metric for expression in EXPRESSIONS.values() for read in reads(expression)}
    assert PENDING.keys() <= used


def test_nonsense_cannot_be_parsed() -> None:
    with pytest.raises(ValueError, match="paren"):
        parsed("sum by (rpc) (rate(nextbest_requests_total[5m])")


def test_every_series_is_on_the_dashboard_and_in_the_guide(served: dict[str, frozenset[str]]) -> None:
    guide = (REPOSITORY / "docs/guides/operating.md").read_text()
    rows = {
        name: frozenset(re.findall(r"`(\w+)`", labels))
        for name, labels in re.findall(r"^\| `(nextbest_\w+)` \| ([^|]*)\|", guide, re.MULTILINE)
    }
    ours = {
        re.sub(r"_(bucket|count|sum)$", "", name): labels - {"le"}
        for name, labels in served.items()
        if name.startswith("nextbest_")
    }
    assert {name: rows.get(name) for name in ours} == ours
    assert rows.keys() <= ours.keys() | PENDING.keys()
    shown = {
        re.sub(r"_(bucket|count|sum)$", "", read.metric)
        for panel in PANELS
        for target in panel["targets"]
        for read in reads(target["expr"])
    }
    assert shown >= ours.keys() - {"nextbest_decision_log_room_records"}


def test_panels_do_not_overlap_and_lie_on_the_page() -> None:
    places = [panel["gridPos"] for panel in dashboard(read_rows())["panels"]]
    for place in places:
        assert 0 <= place["x"] < place["x"] + place["w"] <= COLUMNS
    for one, other in itertools.combinations(places, 2):
        assert (
            one["x"] + one["w"] <= other["x"]
            or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"]
            or other["y"] + other["h"] <= one["y"]
        )
    numbers = [panel["id"] for panel in dashboard(read_rows())["panels"]]
    assert len(numbers) == len(set(numbers))


def test_the_dashboard_is_what_its_source_says() -> None:
    assert TARGET.read_text(encoding="utf-8") == to_text(read_rows()), "python -m observability.dashboard"


def test_every_alert_is_seen_silent_and_firing() -> None:
    seen: dict[str, set[bool]] = {name: set() for name in RULES}
    for case in yaml.safe_load(CASES.read_text())["tests"]:
        for expected in case["alert_rule_test"]:
            seen[expected["alertname"]].add(bool(expected["exp_alerts"]))
    assert seen == {name: {True, False} for name in RULES}


@pytest.mark.skipif(PROMTOOL is None, reason="promtool comes with Prometheus")
@pytest.mark.parametrize(
    "arguments", [("check", "rules", ALERTS), ("check", "config", ALERTS.with_name("prometheus.yml"))]
)
def test_promtool_takes_the_files(arguments: tuple[object, ...]) -> None:
    subprocess.run([str(PROMTOOL), *map(str, arguments)], check=True, capture_output=True)


@pytest.mark.skipif(PROMTOOL is None, reason="promtool comes with Prometheus")
def test_alerts_fire_when_they_should() -> None:
    command = [str(PROMTOOL), "test", "rules", str(CASES)]
    told = subprocess.run(command, check=False, capture_output=True, text=True)
    assert told.returncode == 0, told.stdout + told.stderr


def headings() -> Iterator[tuple[str, str]]:
    """Yield title and text of the runbook's sections."""
    text = (REPOSITORY / "docs/guides/runbook.md").read_text(encoding="utf-8")
    for part in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        title, _, body = part.partition("\n")
        yield title.strip(), body


def test_every_alert_has_its_place_in_the_runbook_and_none_is_left_over() -> None:
    sections = dict(headings())
    alerts = {title for title in sections if title.startswith("Nextbest")}
    assert alerts == RULES.keys()
    for name, rule in RULES.items():
        assert rule["annotations"]["runbook_url"] == f"docs/guides/runbook.md#{name.lower()}"
        assert rule["labels"]["severity"] in {"page", "ticket"}
        for word in ("**Means**", "**Customers notice**", "**Look**", "**Do**"):
            assert word in sections[name], f"{name} does not say: {word}"


def test_the_runbook_names_only_commands_and_log_lines_that_there_are() -> None:
    from nextbest_service.cli.app import app  # noqa: PLC0415 - the rest needs no command line

    commands = {command.name for command in app.registered_commands}
    commands |= {group.name for group in app.registered_groups}
    text = (REPOSITORY / "docs/guides/runbook.md").read_text(encoding="utf-8")
    assert set(re.findall(r"nextbest ([a-z][a-z-]+) ", text)) <= commands
    source = "".join(
        path.read_text(encoding="utf-8") for path in sorted((REPOSITORY / "service").rglob("*.py"))
    )
    events = set(re.findall(r"log line `(\w+)`", text))
    assert events
    assert {event for event in events if f'"{event}"' not in source} == set()
