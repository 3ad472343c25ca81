"""Read YAML by the safe loader of libyaml, or by the slower one of PyYAML where it was built without."""

from __future__ import annotations

from typing import Any


def load_yaml(text: str | bytes) -> Any:
    """Read one document.

    Raises:
        yaml.YAMLError: It is not YAML.
        ValueError: A scalar looks like a date and is none.
        RecursionError: It is nested too deeply.
    """
    import yaml

    return yaml.load(text, Loader=_loader())  # noqa: S506 # nosec B506 # a safe loader


def load_yaml_documents(text: str | bytes) -> list[Any]:
    """Read the documents of a stream, without the empty ones.

    Raises:
        yaml.YAMLError, ValueError, RecursionError: As :func:`load_yaml` does.
    """
    import yaml

    return [document for document in yaml.load_all(text, Loader=_loader()) if document]


def _loader() -> Any:
    import yaml

    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)
