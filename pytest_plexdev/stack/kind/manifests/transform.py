"""Pure transformations of the objects that kustomize rendered."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from pytest_plexdev.core.model import Profile
from pytest_plexdev.kube.resources import KubeObject
from pytest_plexdev.stack.credentials import RUNBOOK, Credentials
from pytest_plexdev.stack.kind.constants import SENTINEL
from pytest_plexdev.stack.kind.manifests.nats_password import with_nats_password
from pytest_plexdev.stack.kind.settings import Addresses

INPUTS: Final = "plexdev.plexsphere.com/inputs"
"""Annotation of a Pod template: a hash of its Pods' inputs outside the template."""
READS_SECRETS: Final = "plexdev.plexsphere.com/reads-secrets"
"""Annotation of a controller: the Secrets of its namespace that it reads from the API server, separated by commas."""
BOOTSTRAP: Final = "plexsphere-bootstrap"
_DATABASE: Final = RUNBOOK.database
_IN_CLUSTER_IDP: Final = "http://dex:5556"
_KEY: Final = "SPICEDB_GRPC_PRESHARED_KEY"
_WARM: Final = Addresses()


def with_images(objects: Sequence[KubeObject], references: Mapping[str, str]) -> list[KubeObject]:
    """Replace the image names in every ``image`` field, at any depth, by references."""
    return [_with_images(each, references) for each in objects]


def with_addresses(objects: Sequence[KubeObject], addresses: Addresses) -> list[KubeObject]:
    """Replace the warm cluster's host ports by those of *addresses*. Only ConfigMaps have addresses."""
    replaced = {_WARM.api: addresses.api, _WARM.idp: addresses.idp}
    return [_with_data(each, lambda text: _replace(text, replaced)) for each in objects]


def with_seed(objects: Sequence[KubeObject], seed: str) -> list[KubeObject]:
    """Put a seed manifest into the bootstrap's ConfigMap.

    ``${ISSUER}`` in it becomes the issuer. The URL of its discovery document becomes that of Dex's Service, because the
    API reads it inside the cluster.
    """
    discovery = f"{_IN_CLUSTER_IDP}/dex/.well-known/openid-configuration"
    text = seed.replace("${ISSUER}/.well-known/openid-configuration", discovery).replace("${ISSUER}", _WARM.issuer)
    return [
        _with_data(each, lambda _: text)
        if each["kind"] == "ConfigMap" and each["metadata"]["name"] == BOOTSTRAP
        else each
        for each in objects
    ]


def with_profile(objects: Sequence[KubeObject], profile: Profile) -> list[KubeObject]:
    """Record the profile in the sentinel: an overlay of the user has the sentinel of ``lean``."""
    return [
        {**each, "data": {**each["data"], "profile": profile}}
        if each["kind"] == "ConfigMap" and each["metadata"]["name"] == SENTINEL
        else each
        for each in objects
    ]


def with_credentials(objects: Sequence[KubeObject], credentials: Credentials) -> list[KubeObject]:
    """Replace the public credentials of all servers, and protect NATS with a password if there is one."""
    changed = [_with_credentials(each, credentials) if each["kind"] == "Secret" else each for each in objects]
    return changed if credentials.nats is None else with_nats_password(changed, credentials.nats)


def with_inputs(objects: Sequence[KubeObject], contents: Mapping[str, str]) -> list[KubeObject]:
    """Annotate every Pod template with the hash of the ConfigMaps, Secrets and images that it refers to.

    Args:
        contents: A hash of the content by image reference. For any other image, the reference itself is hashed.
    """
    data = {_key(each): _content_of(each) for each in objects if each["kind"] in {"ConfigMap", "Secret"}}
    return [_annotated(each, data, contents) for each in objects]


def _with_credentials(secret: KubeObject, credentials: Credentials) -> KubeObject:
    values = {
        ("POSTGRES_PASSWORD", _DATABASE): credentials.database,
        (_KEY, RUNBOOK.spicedb): credentials.spicedb,
        ("BAO_DEV_ROOT_TOKEN_ID", RUNBOOK.openbao): credentials.openbao,
        ("S3_ACCESS_KEY", RUNBOOK.s3_access_key): credentials.s3_access_key,
        ("S3_SECRET_KEY", RUNBOOK.s3_secret_key): credentials.s3_secret_key,
    }
    parts = {
        f"//{_DATABASE}:{_DATABASE}@": f"//{_DATABASE}:{credentials.database}@",
        f'"accessKey": "{RUNBOOK.s3_access_key}"': f'"accessKey": "{credentials.s3_access_key}"',
        f'"secretKey": "{RUNBOOK.s3_secret_key}"': f'"secretKey": "{credentials.s3_secret_key}"',
    }
    data = {
        name: values.get((name, text), _replace(text, parts)) for name, text in (secret.get("stringData") or {}).items()
    }
    return {**secret, "stringData": data} if data else secret


def pod_template(item: KubeObject) -> KubeObject | None:
    """The Pod template of a Deployment, StatefulSet, DaemonSet or Job."""
    template = (item.get("spec") or {}).get("template")
    return template if isinstance(template, dict) and "spec" in template else None


def references_of(item: KubeObject) -> set[tuple[str, str, str]]:
    """The ConfigMaps and Secrets that an object's Pods refer to or read, by kind, namespace and name."""
    template = pod_template(item)
    if template is None:
        return set()
    return {*_references(template["spec"], item["metadata"].get("namespace", "")), *secrets_read_by(item)}


def secrets_read_by(item: KubeObject) -> set[tuple[str, str, str]]:
    """The Secrets that its Pods read from the API server whenever they need them, by kind, namespace and name."""
    meta = item["metadata"]
    names = (meta.get("annotations") or {}).get(READS_SECRETS, "")
    return {("Secret", meta.get("namespace", ""), name.strip()) for name in names.split(",") if name.strip()}


def waits_for_a_secret(item: KubeObject, objects: Sequence[KubeObject]) -> bool:
    """Whether an object's Pods refer to a Secret that is not among *objects*, so that a Job has to create it."""
    return any(kind == "Secret" for kind, *_ in references_of(item) - {_key(each) for each in objects})


def images_of(item: KubeObject) -> set[str]:
    """Every image in an object, at any depth."""
    return {value for name, value in _strings(item) if name == "image"}


def _with_images(part: Any, references: Mapping[str, str]) -> Any:
    if isinstance(part, dict):
        return {
            name: references.get(value, value)
            if name == "image" and isinstance(value, str)
            else _with_images(value, references)
            for name, value in part.items()
        }
    if isinstance(part, list):
        return [_with_images(each, references) for each in part]
    return part


def _with_data(item: KubeObject, change: Callable[[str], str]) -> KubeObject:
    if item["kind"] != "ConfigMap" or "data" not in item:
        return item
    return {**item, "data": {name: change(text) for name, text in item["data"].items()}}


def _replace(text: str, replaced: Mapping[str, str]) -> str:
    for old, new in replaced.items():
        text = text.replace(old, new)
    return text


def _annotated(item: KubeObject, data: Mapping[tuple[str, str, str], str], contents: Mapping[str, str]) -> KubeObject:
    template = pod_template(item)
    if template is None:
        return item
    references = sorted(references_of(item) & data.keys())
    images = sorted((image, contents.get(image, image)) for image in images_of(template["spec"]))
    digest = _hash([[*key, data[key]] for key in references] + [list(image) for image in images])
    meta = template.get("metadata") or {}
    annotations = {**(meta.get("annotations") or {}), INPUTS: digest}
    template = {**template, "metadata": {**meta, "annotations": annotations}}
    return {**item, "spec": {**item["spec"], "template": template}}


def _references(part: Any, namespace: str) -> Iterator[tuple[str, str, str]]:
    for name, value in _members(part):
        if name in {"configMap", "configMapRef", "configMapKeyRef"} and isinstance(value, dict):
            yield "ConfigMap", namespace, value.get("name", "")
        elif name in {"secret", "secretRef", "secretKeyRef"} and isinstance(value, dict):
            yield "Secret", namespace, value.get("secretName") or value.get("name", "")


def _members(part: Any) -> Iterator[tuple[str, Any]]:
    """Every member of every mapping inside *part*."""
    if isinstance(part, dict):
        yield from part.items()
    for each in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from _members(each)


def _strings(part: Any) -> Iterator[tuple[str, str]]:
    return ((name, value) for name, value in _members(part) if isinstance(value, str))


def _key(item: KubeObject) -> tuple[str, str, str]:
    meta = item["metadata"]
    return item["kind"], meta.get("namespace", ""), meta["name"]


def _content_of(item: KubeObject) -> str:
    return _hash([item.get(part) for part in ("data", "stringData", "binaryData")])


def _hash(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
