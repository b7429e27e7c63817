"""What lies ready to deploy the service fits Kubernetes, the command line, and itself."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from typer.main import get_command

from nextbest_service.cli.app import app
from nextbest_service.settings import Settings

ROOT = Path(__file__).parents[3]
MANIFESTS = ROOT / "deploy" / "kubernetes"
FILES = sorted(it.name for it in MANIFESTS.glob("*.yaml") if it.name != "kustomization.yaml")
COMMANDS: Any = get_command(app)
SERVE = COMMANDS.commands["serve"]
VARIABLES = {name for it in SERVE.params for name in ([it.envvar] if it.envvar else [])}


def documents(file: str) -> Iterator[dict[str, Any]]:
    """Yield what a file of manifests holds."""
    yield from yaml.safe_load_all((MANIFESTS / file).read_text())


def manifest(kind: str) -> dict[str, Any]:
    """Return the only manifest of a kind."""
    (found,) = (it for file in FILES for it in documents(file) if it["kind"] == kind)
    return found


def container() -> dict[str, Any]:
    """Return the container of the service."""
    (found,) = manifest("Deployment")["spec"]["template"]["spec"]["containers"]
    return dict(found)


@pytest.mark.parametrize("file", FILES)
def test_manifests_are_what_kubernetes_takes(file: str) -> None:
    found = list(documents(file))
    assert found
    for document in found:
        kubernetes_validate.validate(document, "1.33", strict=True)


def test_the_schemas_know_a_mistake() -> None:
    broken = {**manifest("PodDisruptionBudget"), "spec": {"maxUnavailabel": 1}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, "1.33", strict=True)


def test_what_is_applied_together_is_there() -> None:
    listed = yaml.safe_load((MANIFESTS / "kustomization.yaml").read_text())["resources"]
    assert sorted([*listed, "secrets.example.yaml"]) == FILES


def test_every_variable_is_one_of_the_command_line() -> None:
    assert set(manifest("ConfigMap")["data"]) <= VARIABLES
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]["nextbest"]["environment"]
    assert set(compose) <= VARIABLES
    image = (ROOT / "Dockerfile").read_text()
    assert set(re.findall(r"NEXTBEST_[A-Z_]+", image)) <= VARIABLES


def test_the_configuration_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "redis-url").write_text("redis://valkey:6379\n")
    own = {"NEXTBEST_REDIS_URL_FILE": str(tmp_path / "redis-url")}
    for name, value in {**manifest("ConfigMap")["data"], **own}.items():
        monkeypatch.setenv(name, value)
    given = SERVE.make_context("serve", []).params
    fields = {name: value for name, value in given.items() if name in Settings.model_fields}
    settings = Settings(**{**fields, "workers": 1})
    assert settings.production
    assert str(settings.tls_cert) == "/etc/nextbest/tls/tls.crt"


def test_ports_are_those_of_the_configuration() -> None:
    data = manifest("ConfigMap")["data"]
    ports = {it["name"]: it["containerPort"] for it in container()["ports"]}
    names = {"grpc": "NEXTBEST_PORT", "health": "NEXTBEST_HEALTH_PORT", "metrics": "NEXTBEST_METRICS_PORT"}
    assert ports == {name: int(data[variable]) for name, variable in names.items()}
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container()[probe]["grpc"] == {"port": ports["health"]}
    ingress = manifest("NetworkPolicy")["spec"]["ingress"]
    assert {it["port"] for rule in ingress for it in rule["ports"]} == {ports["grpc"], ports["metrics"]}


def test_every_file_that_is_named_is_mounted_from_a_secret() -> None:
    secrets = {it["metadata"]["name"]: it["stringData"] for it in documents("secrets.example.yaml")}
    volumes = manifest("Deployment")["spec"]["template"]["spec"]["volumes"]
    sources = {it["name"]: it["secret"]["secretName"] for it in volumes if "secret" in it}
    mounted = {
        f"{it['mountPath']}/{key}"
        for it in container()["volumeMounts"]
        if it["name"] in sources
        for key in secrets[sources[it["name"]]]
    }
    named = {it for it in manifest("ConfigMap")["data"].values() if it.startswith("/etc")}
    assert named == mounted


def test_a_pod_has_the_time_that_its_drain_takes() -> None:
    pod = manifest("Deployment")["spec"]["template"]["spec"]
    _, pause = container()["lifecycle"]["preStop"]["exec"]["command"]
    drain = int(manifest("ConfigMap")["data"]["NEXTBEST_DRAIN_SECONDS"])
    assert pod["terminationGracePeriodSeconds"] >= int(pause) + drain + 10


def test_the_container_has_no_rights_that_it_does_not_need() -> None:
    pod = manifest("Deployment")["spec"]["template"]["spec"]
    user = int(re.findall(r"^USER (\d+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)[0])
    assert (pod["securityContext"]["runAsNonRoot"], pod["securityContext"]["runAsUser"]) == (True, user)
    assert container()["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_the_image_names_one_version_of_its_base_and_is_watched() -> None:
    image = (ROOT / "Dockerfile").read_text()
    assert re.search(r"^ARG BASE=python(:\d+\.\d+\.\d+-[a-z-]+|@sha256:[0-9a-f]{64})$", image, re.MULTILINE)
    assert set(re.findall(r"^FROM (\S+)", image, re.MULTILINE)) == {"${BASE}"}
    assert 'CMD ["nextbest", "health"' in image
