from __future__ import annotations

import uuid
from typing import Any

import httpx
import pytest

from tests.support.actors import (
    at_once,
    events,
    new_project,
    refusal,
    relations,
)
from tests.support.control_plane import UNKNOWN_ID, Plane
from tests.support.labels import label

PATH = "/v1/label-definitions"


# ---- create ----------------------------------------------------------------------------


def test_a_definition_of_the_platform_has_defaults(plane: Plane, acme: httpx.Client) -> None:
    body = label()

    created = acme.post(PATH, json=body)

    definition = created.json()
    assert created.status_code == 201
    assert created.headers["location"] == f"{PATH}/{definition['id']}"
    assert definition == {
        **body,
        "id": definition["id"],
        "scope_id": str(uuid.UUID(int=0)),
        "qualified_key": f"platform/{body['local_key']}",
        "on_delete": "block",
        "cardinality": 1,
        "immutable": False,
        "cloud_tag_propagation": False,
        "created_by": "user",
        "created_at": definition["created_at"],
        "updated_at": definition["created_at"],
    }
    assert acme.get(created.headers["location"]).json() == definition
    assert events(plane, definition["id"]) == ["LabelDefinitionCreated"]


def test_every_member_of_a_definition_is_kept(acme: httpx.Client, domain: dict[str, Any]) -> None:
    members = {
        "description": "who pays",
        "value_schema": {"kind": "numeric", "min": 0, "max": 9},
        "applicable_kinds": ["node", "resource"],
        "immutable": True,
        "cloud_tag_propagation": True,
        "on_delete": "cascade",
        "cardinality": 0,
    }

    body = label("domain", domain["id"], required=True, default_value=0, **members)

    assert members.items() <= acme.post(PATH, json=body).json().items()


def test_keys_are_qualified_by_their_scope(acme: httpx.Client, domain: dict[str, Any]) -> None:
    project = new_project(acme, domain["id"])

    of_domain = acme.post(PATH, json=label("domain", domain["id"], local_key="owner")).json()
    of_project = acme.post(PATH, json=label("project", project["id"], local_key="owner")).json()

    assert of_domain["qualified_key"] == f"{domain['slug']}/owner"
    assert of_project["qualified_key"] == f"{domain['slug']}:{project['slug']}/owner"


@pytest.mark.parametrize(
    "schema",
    [
        {"kind": "string", "max_len": 0},
        {"kind": "enum", "values": ["a", "b"]},
        {"kind": "numeric"},
        {"kind": "numeric", "min": -(2**63), "max": 2**63 - 1},
        {"kind": "boolean"},
        {"kind": "regex", "pattern": "^[a-z]+(-[a-z]+)*$"},
        {"kind": "regex", "pattern": r"(?i)^\pL\d*\z"},
        {"kind": "regex", "pattern": "(?<name>a)[[:digit:]]"},
    ],
    ids=str,
)
def test_schemas_that_are_valid(acme: httpx.Client, schema: dict[str, object]) -> None:
    assert acme.post(PATH, json=label(value_schema=schema)).json()["value_schema"] == schema


@pytest.mark.parametrize(
    "schema",
    [
        {"kind": "string", "max_len": -1},
        {"kind": "string", "pattern": "a"},
        {"kind": "enum"},
        {"kind": "enum", "values": []},
        {"kind": "enum", "values": ["a", "a"]},
        {"kind": "enum", "values": [" "]},
        {"kind": "enum", "values": [str(n) for n in range(257)]},
        {"kind": "numeric", "min": 2, "max": 1},
        {"kind": "numeric", "max": 2**63},
        {"kind": "boolean", "values": ["true"]},
        {"kind": "regex"},
        {"kind": "regex", "pattern": "("},
        {"kind": "regex", "pattern": "a(?=b)"},
        {"kind": "regex", "pattern": r"(a)\1"},
        {"kind": "regex", "pattern": "a{99999999999}"},
        {"kind": "regex", "pattern": "(" * 3000 + ")" * 3000},
    ],
    ids=lambda schema: str(schema)[:60],
)
def test_schemas_that_describe_nothing(acme: httpx.Client, schema: dict[str, object]) -> None:
    assert refusal(acme.post(PATH, json=label(value_schema=schema))) == (422, "invalid_value_schema")


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"kind": "string"}, "é" * 129),
        ({"kind": "string", "max_len": 2}, "abc"),
        ({"kind": "enum", "values": ["a"]}, "b"),
        ({"kind": "enum", "values": ["a"]}, ["a"]),
        ({"kind": "numeric", "min": 0}, -1),
        ({"kind": "numeric", "max": 0}, 1),
        ({"kind": "numeric"}, True),
        ({"kind": "numeric"}, 10**40),
        ({"kind": "boolean"}, "true"),
        ({"kind": "regex", "pattern": "a"}, 1),
        ({"kind": "regex", "pattern": "^a$"}, "a\n"),
        ({"kind": "regex", "pattern": r"^\d$"}, "٣"),
    ],
    ids=str,
)
def test_a_default_is_a_value_of_the_schema(acme: httpx.Client, schema: dict[str, object], value: object) -> None:
    body = label(value_schema=schema, default_value=value)

    assert refusal(acme.post(PATH, json=body)) == (422, "invalid_value_schema")


def test_a_pattern_is_not_anchored(acme: httpx.Client) -> None:
    body = label(value_schema={"kind": "regex", "pattern": "b"}, default_value="abc")

    assert acme.post(PATH, json=body).status_code == 201


@pytest.mark.parametrize(
    ("members", "status", "code"),
    [
        ({"local_key": ""}, 422, "invalid_label_definition"),
        ({"local_key": "Upper"}, 422, "invalid_label_definition"),
        ({"local_key": ".lead"}, 422, "invalid_label_definition"),
        ({"local_key": "trail-"}, 422, "invalid_label_definition"),
        ({"local_key": "k" * 65}, 422, "invalid_label_definition"),
        ({"local_key": "plexsphere"}, 422, "reserved_key"),
        ({"local_key": "plexsphere.managed"}, 422, "reserved_key"),
        ({"applicable_kinds": ["Node"]}, 422, "invalid_label_definition"),
        ({"applicable_kinds": ["node", "node"]}, 422, "invalid_label_definition"),
        ({"applicable_kinds": []}, 400, "invalid_body"),
        ({"applicable_kinds": [f"k{n}" for n in range(65)]}, 400, "invalid_body"),
        ({"description": "d" * 513}, 400, "invalid_body"),
        ({"value_schema": {"kind": "date"}}, 400, "invalid_body"),
        ({"value_schema": {"kind": "enum", "values": [1]}}, 400, "invalid_body"),
        ({"on_delete": "explode"}, 400, "invalid_body"),
        ({"cardinality": -1}, 400, "invalid_body"),
        ({"cardinality": 2**40}, 400, "invalid_body"),
        ({"scope": "galaxy"}, 400, "invalid_body"),
        ({"created_by": "system"}, 400, "invalid_body"),
        ({"scope_id": UNKNOWN_ID}, 400, "scope_mismatch"),
        ({"scope": "domain"}, 400, "scope_mismatch"),
        ({"scope": "project"}, 400, "scope_mismatch"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_definition_that_breaks_a_rule(
    acme: httpx.Client, members: dict[str, object], status: int, code: str
) -> None:
    assert refusal(acme.post(PATH, json=label(**members))) == (status, code)  # type: ignore[arg-type]


def test_keys_that_only_look_reserved(acme: httpx.Client, domain: dict[str, Any]) -> None:
    body = label("domain", domain["id"], local_key="plexspheric")

    assert acme.post(PATH, json=body).status_code == 201


def test_of_definitions_with_one_key_at_once_one_wins(acme: httpx.Client, domain: dict[str, Any]) -> None:
    body = label("domain", domain["id"])

    answers = at_once(acme, [("POST", PATH, body)] * 6)

    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 5
    assert {answer.json().get("code") for answer in answers} == {None, "label_definition_conflict"}


def test_a_scope_that_is_gone(acme: httpx.Client, domain: dict[str, Any]) -> None:
    acme.delete(f"/v1/domains/{domain['id']}")

    assert refusal(acme.post(PATH, json=label("domain", domain["id"]))) == (400, "scope_mismatch")


def test_only_who_manages_the_scope_creates_in_it(
    plane: Plane, acme: httpx.Client, beta: httpx.Client, domain: dict[str, Any]
) -> None:
    project = new_project(acme, domain["id"])
    scopes = (
        label(),
        label("domain", domain["id"]),
        label("project", project["id"]),
        label("domain", str(uuid.uuid4())),
    )

    assert {refusal(beta.post(PATH, json=body)) for body in scopes} == {(403, "permission_denied")}
    assert relations(plane, domain["id"], object_id=project["id"]) == [
        ("label_definition.create", "insufficient_relation")
    ]
