"""Read one context of a user's kubeconfig, and write it to our own. A user's file is never written."""

from __future__ import annotations

import base64
import ipaddress
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pytest_plexdev.core.extras import CLUSTER_EXTRA, need
from pytest_plexdev.core.private_files import make_private_directory, write_private
from pytest_plexdev.core.yaml_text import load_yaml
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.cluster import KUBECONFIG_UNUSABLE
from pytest_plexdev.kube.server_url import port_of, server_url
from pytest_plexdev.kube.user_files import read_file


@dataclass(frozen=True, kw_only=True)
class Access:
    """The access to one API server as one user.

    Attributes:
        context: The name of the context in the kubeconfig.
        kubeconfig: The kubeconfig that printed commands name.
        server: The URL of the API server.
        authority, certificate, key: PEM.
        token: The bearer token, if the user has no certificate.
        namespace: The namespace of the context.
    """

    context: str
    kubeconfig: Path
    server: str
    authority: bytes | None = field(default=None, repr=False)
    certificate: bytes | None = field(default=None, repr=False)
    key: bytes | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    namespace: str = "default"

    @property
    def is_loopback(self) -> bool:
        """Whether the API server is on this machine."""
        host = urlsplit(self.server).hostname or ""
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return host == "localhost"

    @property
    def port(self) -> int:
        """The port of the API server."""
        return port_of(self.server)

    @property
    def kubectl(self) -> tuple[str, ...]:
        """The start of a kubectl command for this context, whatever ``KUBECONFIG`` says."""
        return ("kubectl", "--kubeconfig", str(self.kubeconfig), "--context", self.context)

    @property
    def headers(self) -> dict[str, str]:
        """The HTTP headers of every request: JSON, and the bearer token if there is one."""
        bearer = {"authorization": f"Bearer {self.token}"} if self.token else {}
        return {"accept": "application/json", **bearer}

    def tls(self) -> ssl.SSLContext:
        """Create a TLS context with this server's authority and the user's certificate.

        Raises:
            PlexdevError: ``kubeconfig-unusable``: one of them is not PEM, or the key does not match the certificate.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        try:
            if self.authority is not None:
                context.load_verify_locations(cadata=self.authority.decode())
            else:
                context.load_default_certs()
            if self.certificate is not None and self.key is not None:
                _load_pair(context, self.certificate, self.key)
        except (ssl.SSLError, ValueError) as error:
            reason = f"its certificates cannot be read: {error}"
            raise _unusable(self.kubeconfig, self.context, reason) from None
        return context

    def write_private(self, path: Path) -> Access:
        """Write a kubeconfig of mode 0600 with this context alone. Returns the access through that file."""
        user: dict[str, Any] = {}
        if self.certificate is not None and self.key is not None:
            user = {"client-certificate-data": _base64(self.certificate), "client-key-data": _base64(self.key)}
        if self.token is not None:
            user = {"token": self.token}
        cluster: dict[str, Any] = {"server": self.server}
        if self.authority is not None:
            cluster["certificate-authority-data"] = _base64(self.authority)
        import yaml

        name = self.context
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": name,
            "clusters": [{"name": name, "cluster": cluster}],
            "users": [{"name": name, "user": user}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name, "namespace": self.namespace}}],
        }
        make_private_directory(path.parent)
        write_private(path, yaml.safe_dump(document, sort_keys=False).encode())
        return Access(**{**vars(self), "kubeconfig": path})


def read_access(path: Path, context: str) -> Access | None:
    """Read a context of a kubeconfig; ``None`` if there is no such file or no such context.

    Raises:
        PlexdevError: ``kubeconfig-unusable``: the file, or what its context refers to, is invalid; ``extra-missing``.
    """
    try:
        text = read_file(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise _unusable(path, context, error.strerror or str(error)) from None
    need(CLUSTER_EXTRA, "yaml")
    import yaml

    try:
        document = load_yaml(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        # PyYAML raises ValueError for a scalar that looks like a date and is not one.
        raise _unusable(path, context, "it is not YAML") from None
    if not isinstance(document, Mapping):
        raise _unusable(path, context, "it is not a kubeconfig")
    try:
        return _access(path, context, document)
    except (OSError, ValueError) as error:
        raise _unusable(path, context, str(error)) from None


def _access(path: Path, context: str, document: Mapping[str, Any]) -> Access | None:
    chosen = _named(document, "contexts", "context", context)
    if chosen is None:
        return None
    cluster = _named(document, "clusters", "cluster", chosen.get("cluster")) or {}
    if not cluster.get("server"):
        raise ValueError("its cluster has no server")
    user_name = chosen.get("user")
    user = _named(document, "users", "user", user_name)
    if user is None:
        raise ValueError(f"it has no user {user_name!r}")
    if "exec" in user or "auth-provider" in user:
        raise ValueError("its user authenticates by a plugin (exec, auth-provider), not by a certificate or a token")
    authority = _content(path, cluster, "certificate-authority")
    certificate, key = _content(path, user, "client-certificate"), _content(path, user, "client-key")
    if certificate is not None and key is None:
        raise ValueError("its user has a client-certificate and no client-key")
    has_tls = authority is not None or certificate is not None or bool(cluster.get("insecure-skip-tls-verify"))
    return Access(
        context=context,
        kubeconfig=path,
        server=_server(cluster["server"], has_tls=has_tls),
        authority=authority,
        certificate=certificate,
        key=key,
        token=_token(user),
        namespace=str(chosen.get("namespace") or "default"),
    )


def _server(value: object, *, has_tls: bool) -> str:
    if not isinstance(value, str):
        raise ValueError(f"its server is {value!r}: it is not text")
    try:
        return server_url(value, has_tls=has_tls)
    except ValueError as error:
        raise ValueError(f"its server is {value!r}: {error}") from None


def _token(user: Mapping[str, Any]) -> str | None:
    token = user.get("token")
    if token is None or (isinstance(token, str) and token.isascii() and token.isprintable()):
        return token
    raise ValueError("the token of its user is not one line of text")


def _named(document: Mapping[str, Any], listing: str, member: str, name: object) -> Mapping[str, Any] | None:
    entries = document.get(listing)
    if entries is not None and not isinstance(entries, list):
        raise ValueError(f"its {listing} are not a list")
    for entry in entries or ():
        if isinstance(entry, Mapping) and entry.get("name") == name:
            found = entry.get(member)
            if found is not None and not isinstance(found, Mapping):
                raise ValueError(f"the {member} {name!r} is {found!r}, not a mapping")
            return found or {}
    return None


def _content(path: Path, entry: Mapping[str, Any], name: str) -> bytes | None:
    if data := entry.get(f"{name}-data"):
        try:
            return base64.b64decode("".join(str(data).split()), validate=True)
        except ValueError as error:
            raise ValueError(f"its {name}-data is not base64: {error}") from None
    if file := entry.get(name):
        return read_file(path.parent / str(file))
    return None


def _load_pair(context: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    # OpenSSL needs a file. A memfd keeps the key off the disk.
    descriptor = os.memfd_create("plexdev")
    try:
        os.write(descriptor, certificate + b"\n" + key)
        # Without a password argument, OpenSSL would prompt for a pass phrase at the terminal.
        context.load_cert_chain(f"/proc/self/fd/{descriptor}", password=b"")
    finally:
        os.close(descriptor)


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _unusable(path: Path, context: str, reason: str) -> PlexdevError:
    return PlexdevError(KUBECONFIG_UNUSABLE, path=path, context=context, reason=reason)
