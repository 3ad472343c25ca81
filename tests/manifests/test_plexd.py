"""The agent's Pod, which no overlay has: the rights that it gets, its volume and its variables."""

from __future__ import annotations

from tests.support.manifests import DEPLOY, by_name, objects, variables, warning_fields, workloads

OBJECTS = objects(DEPLOY / "base" / "plexd")
(PLEXD,) = workloads(OBJECTS)


def test_it_warns_once_of_what_it_relaxes() -> None:
    (line,) = (each["args"][0] for each in PLEXD.init_containers if each["name"] == "dev-warning")
    fields = warning_fields(line)

    assert line.startswith('level=WARN msg="insecure default active in dev mode" env=dev dependency=plexd ')
    assert len(fields["prod_delta"]) > 40


def test_its_one_right_is_to_make_a_network_interface() -> None:
    contexts = {each["name"]: each["securityContext"] for each in PLEXD.containers}

    assert PLEXD.pod["automountServiceAccountToken"] is False
    assert {name: each["capabilities"].get("add", []) for name, each in contexts.items()} == {
        "dev-warning": [],
        "open-volume": [],
        "plexd": ["NET_ADMIN"],
    }
    assert {name for name, each in contexts.items() if each.get("runAsUser") == 0} == {"open-volume"}
    for each in contexts.values():
        assert each["capabilities"]["drop"] == ["ALL"]
        assert each["allowPrivilegeEscalation"] is False
        assert each["readOnlyRootFilesystem"] is True


def test_its_identity_outlives_the_pod() -> None:
    mounts = {each["name"]: each["mountPath"] for each in PLEXD.main["volumeMounts"]}
    (identity,) = (each for each in PLEXD.pod["volumes"] if each["name"] == "identity")

    assert mounts["identity"] == "/var/lib/plexd"
    assert identity["persistentVolumeClaim"]["claimName"] in by_name(OBJECTS, "PersistentVolumeClaim")
    assert PLEXD.owner["spec"]["strategy"] == {"type": "Recreate"}


def test_the_kubelet_probes_where_it_listens() -> None:
    port = int(variables(PLEXD.main, OBJECTS)["PLEXD_HEALTH_LISTEN"].partition(":")[2])

    assert {PLEXD.main[probe]["httpGet"]["port"] for probe in ("readinessProbe", "livenessProbe")} == {port}
