"""Makes the dashboard for Grafana of dashboard.yaml: `python -m observability.dashboard`."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
SOURCE, TARGET = HERE / "dashboard.yaml", HERE / "grafana-dashboard.json"
COLUMNS, PANEL_HEIGHT, ROW_HEIGHT = 24, 8, 1
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}

Plain = Mapping[str, Any]


def dashboard(rows: Sequence[Plain]) -> dict[str, Any]:
    """Return the dashboard as Grafana imports it."""
    return {
        "title": "nextbest",
        "uid": "nextbest",
        "tags": ["nextbest"],
        "schemaVersion": 39,
        "timezone": "browser",
        "editable": True,
        "refresh": "15s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": [*_variables()]},
        "panels": [*_laid_out(rows)],
    }


def to_text(rows: Sequence[Plain]) -> str:
    """Return the file's text."""
    return json.dumps(dashboard(rows), indent=1, ensure_ascii=False) + "\n"


def read_rows() -> Sequence[Plain]:
    """Return what dashboard.yaml says."""
    rows: Sequence[Plain] = yaml.safe_load(SOURCE.read_text(encoding="utf-8"))["rows"]
    return rows


def _laid_out(rows: Sequence[Plain]) -> Iterator[dict[str, Any]]:
    """Yield all panels from left to right and from top to bottom, each row of the source under its title."""
    top, number = 0, 0
    for row in rows:
        number += 1
        yield {"id": number, "type": "row", "title": row["title"], "collapsed": False, "panels": []} | {
            "gridPos": {"x": 0, "y": top, "w": COLUMNS, "h": ROW_HEIGHT}
        }
        top, left = top + ROW_HEIGHT, 0
        for panel in row["panels"]:
            number += 1
            if left + panel["width"] > COLUMNS:
                top, left = top + PANEL_HEIGHT, 0
            place = {"x": left, "y": top, "w": panel["width"], "h": PANEL_HEIGHT}
            yield {"id": number, "gridPos": place} | _panel(panel)
            left += panel["width"]
        top += PANEL_HEIGHT


def _panel(panel: Plain) -> dict[str, Any]:
    kind = panel.get("kind", "timeseries")
    stacking = {"stacking": {"mode": "normal"}, "fillOpacity": 20} if panel.get("stacked") else {}
    return {
        "type": kind,
        "title": panel["title"],
        "description": panel.get("about", ""),
        "datasource": DATASOURCE,
        "fieldConfig": {
            "defaults": {"unit": panel.get("unit", "short"), "custom": stacking},
            "overrides": [],
        },
        "targets": [
            {
                "refId": chr(ord("A") + place),
                "datasource": DATASOURCE,
                "expr": line["expr"],
                "legendFormat": line["legend"],
            }
            | ({"format": "table", "instant": True} if kind == "table" else {})
            for place, line in enumerate(panel["lines"])
        ],
    }


def _variables() -> Iterator[dict[str, Any]]:
    yield {"name": "datasource", "label": "Source", "type": "datasource", "query": "prometheus"}
    for name, label, query in (
        ("job", "Job", "label_values(nextbest_build_info, job)"),
        ("instance", "Process", 'label_values(nextbest_build_info{job=~"$job"}, instance)'),
    ):
        yield {
            "name": name,
            "label": label,
            "type": "query",
            "datasource": DATASOURCE,
            "query": query,
            "refresh": 2,
            "multi": True,
            "includeAll": True,
            "allValue": ".*",
            "current": {"text": "All", "value": "$__all"},
        }
    yield {
        "name": "rate",
        "label": "Rate over",
        "type": "interval",
        "query": "1m,5m,15m,1h",
        "current": {"text": "5m", "value": "5m"},
    }


if __name__ == "__main__":
    TARGET.write_text(to_text(read_rows()), encoding="utf-8")
