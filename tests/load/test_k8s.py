"""perf/k8s: valid by Kubernetes' own schemas, closed as far as they can be, and in line with what `gate load` does."""

import re
from typing import Any

import pytest
from kubernetes_validate import latest_version, validate
from kubernetes_validate.utils import resources_from_file

from gate.cli.load import command
from gate.load.launch import TOKEN, worker_command
from gate.paths import data_root

FOLDER = data_root() / "perf" / "k8s"
README = (FOLDER / "README.md").read_text()
DOCUMENTS = [document for path in sorted(FOLDER.glob("*.yaml")) for document in resources_from_file(str(path))]
IDENTITIES = {"viewer", "qa", "ops", "admin"}


def called(document: dict[str, Any]) -> str:
    return f"{document['kind']} {document['metadata']['name']}"


BY_NAME = {called(document): document for document in DOCUMENTS}
MASTER, WORKERS = BY_NAME["Job gate-load-master"], BY_NAME["Job gate-load-workers"]
JOBS = pytest.mark.parametrize("job", [MASTER, WORKERS], ids=called)


def pod(job):
    return job["spec"]["template"]["spec"]


def container(job):
    (only,) = pod(job)["containers"]
    return only


def options(job) -> dict[str, str]:
    """What follows each option of the command."""
    words = container(job)["args"]
    return dict(zip(words, [*words[1:], ""], strict=True))


@pytest.mark.parametrize("version", ["1.29", latest_version()])
@pytest.mark.parametrize("document", DOCUMENTS, ids=called)
def test_every_document_is_valid_by_its_schema(document, version):
    validate(document, version, strict=True)


def test_a_planted_mistake_is_seen():
    broken = {**MASTER, "spec": {**MASTER["spec"], "backofLimit": 0}}
    with pytest.raises(Exception, match="backofLimit"):
        validate(broken, latest_version(), strict=True)


def test_all_documents_are_there():
    assert sorted(BY_NAME) == [
        "ConfigMap gate-load-settings",
        "Job gate-load-master",
        "Job gate-load-workers",
        "NetworkPolicy gate-load-master",
        "NetworkPolicy gate-load-workers",
        "Service gate-load-master",
    ]


def test_master_and_workers_agree_on_their_number():
    expected = int(options(MASTER)["--expect-workers"])
    assert WORKERS["spec"]["completionMode"] == "Indexed"
    assert {WORKERS["spec"]["completions"], WORKERS["spec"]["parallelism"]} == {expected}
    assert f"--expect-workers {expected}" in README


@JOBS
def test_no_token_stands_in_a_file(job):
    secrets = [item for item in container(job)["env"] if "TOKEN" in item["name"]]
    assert {item["valueFrom"]["secretKeyRef"]["key"] for item in secrets} == IDENTITIES
    assert not any("value" in item for item in secrets)
    assert not any("TOKEN" in name for name in BY_NAME["ConfigMap gate-load-settings"]["data"])
    assert not any(document["kind"] == "Secret" for document in DOCUMENTS)


@JOBS
def test_a_pod_may_do_no_more_than_it_needs(job):
    assert pod(job)["securityContext"]["runAsNonRoot"] is True
    assert pod(job)["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod(job)["automountServiceAccountToken"] is False
    assert container(job)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {"requests", "limits"} <= container(job)["resources"].keys()


@JOBS
def test_what_is_written_to_is_a_volume(job):
    volumes = {volume["name"]: volume for volume in pod(job)["volumes"]}
    writable = {mount["mountPath"] for mount in container(job)["volumeMounts"] if "emptyDir" in volumes[mount["name"]]}
    assert writable == {"/out", "/tmp"}
    assert container(job)["workingDir"] in writable


@JOBS
def test_a_lost_pod_is_not_started_again(job):
    assert pod(job)["restartPolicy"] == "Never"
    assert job["spec"].get("backoffLimit", job["spec"].get("backoffLimitPerIndex")) == 0


def test_only_workers_reach_the_master_and_nobody_a_worker():
    policy = BY_NAME["NetworkPolicy gate-load-master"]["spec"]
    labels = MASTER["spec"]["template"]["metadata"]["labels"]
    (rule,) = policy["ingress"]
    (source,) = rule["from"]
    assert policy["podSelector"]["matchLabels"] == labels == BY_NAME["Service gate-load-master"]["spec"]["selector"]
    assert source == {"podSelector": {"matchLabels": WORKERS["spec"]["template"]["metadata"]["labels"]}}
    assert rule["ports"] == [{"protocol": "TCP", "port": 5557}]
    closed = BY_NAME["NetworkPolicy gate-load-workers"]["spec"]
    assert (closed["policyTypes"], closed.get("ingress")) == (["Ingress"], None)


def test_the_master_is_called_with_options_that_there_are():
    words = container(MASTER)["args"]
    found = command.make_context("load", list(words)).params
    assert (found["expect_workers"], found["bind"], found["as_json"]) == (2, "0.0.0.0:5557", True)
    assert container(MASTER)["command"] == ["gate", "load"]


def test_a_worker_is_started_as_the_gate_says():
    service = BY_NAME["Service gate-load-master"]
    (port,) = service["spec"]["ports"]
    _, *expected = worker_command(service["metadata"]["name"], port["port"])
    started = [*container(WORKERS)["command"], *container(WORKERS)["args"]]
    assert [word.replace("/gate/", f"{data_root()}/") for word in started] == ["python", *expected]
    names = {item["name"] for item in container(WORKERS)["env"]}
    assert {"GATE_LOAD_PLAN", "GATE_LOAD_OUT", *(f"{TOKEN}{name.upper()}" for name in IDENTITIES)} <= names


def test_the_plan_and_the_tokens_are_what_the_readme_makes():
    (plan,) = [volume["configMap"] for volume in pod(WORKERS)["volumes"] if "configMap" in volume]
    assert f"create configmap {plan['name']} --from-file={plan['items'][0]['key']}" in README
    files = re.search(r"create secret generic gate-load-tokens (.*)", README)
    assert files is not None
    assert set(re.findall(r"--from-file=(\w+)", files[1])) == IDENTITIES


def test_the_readme_names_every_file():
    assert {path.name for path in FOLDER.glob("*.yaml")} == set(re.findall(r"^\| `(\S+\.yaml)`", README, re.MULTILINE))
