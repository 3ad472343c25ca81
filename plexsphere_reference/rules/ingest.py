"""Parse the batches of the ingest operations.

The record types and their closed sets are the contract's schemas MetricSample, LogLine and AuditEvent. Members that a
schema does not define are dropped: the platform must not store what a Node says about people.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from io import BytesIO
from typing import Annotated, Final, Literal, TypeAlias

import msgspec

Signal: TypeAlias = Literal["metrics", "logs", "audit"]

WIRE_CAP: Final = 512 * 1024
"""Maximum bytes of a body as sent. With its headers it must fit into one NATS message, by default 1 MiB."""
INFLATED_CAP: Final = 4 * 1024 * 1024
"""Maximum bytes of a decompressed batch. Loki never accepts a push above its burst of 6 MB."""
MOST_RECORDS: Final = 10_000
_GZIP_FORMAT: Final = 31
"""``wbits`` of zlib for gzip's header and checksum."""
_FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(2262, 1, 1, tzinfo=UTC)
"""Loki counts nanoseconds since 1970 in 64 bits. One timestamp beyond that would cost the whole batch there."""

Text: TypeAlias = Annotated[str, msgspec.Meta(min_length=1)]
Moment: TypeAlias = Annotated[datetime, msgspec.Meta(tz=True)]


class MetricSample(msgspec.Struct, frozen=True, kw_only=True):
    group: Literal["node_resources", "tunnel_health", "peer_latency", "agent_stats"]
    name: Text
    value: float
    timestamp: Moment
    labels: dict[str, str] = {}


class LogLine(msgspec.Struct, frozen=True, kw_only=True):
    severity: Literal["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"]
    message: Text
    timestamp: Moment
    unit: str = ""
    hostname: str = ""


class AuditEvent(msgspec.Struct, frozen=True, kw_only=True):
    source: Literal["auditd", "k8s"]
    action: Text
    outcome: Text
    timestamp: Moment


Record: TypeAlias = MetricSample | LogLine | AuditEvent


class InvalidBatch(Exception):
    """A batch that the contract refuses.

    Attributes:
        code: The problem's code.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail


def inflate(raw: bytes) -> bytes:
    """Decompress a gzip stream of one member.

    Raises:
        InvalidBatch: ``ingest_encoding_invalid``, or ``ingest_body_too_large`` above :data:`INFLATED_CAP`.
    """
    stream = zlib.decompressobj(wbits=_GZIP_FORMAT)
    try:
        inflated = stream.decompress(raw, INFLATED_CAP + 1)
    except zlib.error as error:
        raise InvalidBatch("ingest_encoding_invalid", f"the body is not a gzip stream: {error}") from error
    if len(inflated) > INFLATED_CAP:
        raise InvalidBatch("ingest_body_too_large", f"the batch inflates to more than {INFLATED_CAP} bytes")
    if not stream.eof or stream.unused_data:
        why = "something follows its end" if stream.eof else "it ends too early"
        raise InvalidBatch("ingest_encoding_invalid", f"the body is not one gzip stream: {why}")
    return inflated


def parse(signal: Signal, body: bytes) -> Sequence[Record]:
    """Decode a batch: a JSON array of samples, or one JSON object per line.

    Raises:
        InvalidBatch: ``ingest_batch_malformed`` or ``ingest_batch_too_many_records``.
    """
    try:
        records: Sequence[Record] = _samples.decode(body) if signal == "metrics" else _lines(_OF_LINES[signal], body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _malformed(str(error)) from error
    if not records:
        raise _malformed("the batch is empty")
    if len(records) > MOST_RECORDS:
        raise _too_many()
    for place, record in enumerate(records):
        if not _FIRST <= record.timestamp < _LAST:
            raise _malformed(f"the timestamp of record {place} is not between 1970 and 2262")
    return records


def parse_sent_at(value: str | None) -> datetime:
    """Parse the header ``X-Plexsphere-Sent-At``.

    Raises:
        InvalidBatch: ``ingest_sent_at_invalid``: it is missing or not an RFC 3339 timestamp.
    """
    try:
        sent_at = msgspec.convert(value, datetime)
    except msgspec.ValidationError:
        sent_at = None
    if sent_at is None or sent_at.tzinfo is None:
        raise InvalidBatch("ingest_sent_at_invalid", "X-Plexsphere-Sent-At must be an RFC 3339 timestamp")
    return sent_at


def _lines(decoder: msgspec.json.Decoder[Record], body: bytes) -> Sequence[Record]:
    records: list[Record] = []
    for place, line in enumerate(BytesIO(body)):
        if not line.strip():
            continue
        if len(records) == MOST_RECORDS:
            raise _too_many()
        try:
            records.append(decoder.decode(line))
        except msgspec.DecodeError as error:
            raise _malformed(f"line {place + 1}: {error}") from error
    return records


def _malformed(detail: str) -> InvalidBatch:
    return InvalidBatch("ingest_batch_malformed", detail)


def _too_many() -> InvalidBatch:
    return InvalidBatch("ingest_batch_too_many_records", f"a batch has at most {MOST_RECORDS} records")


_samples: Final = msgspec.json.Decoder(list[MetricSample])
_OF_LINES: Final[Mapping[Signal, msgspec.json.Decoder[Record]]] = {
    "logs": msgspec.json.Decoder(LogLine),
    "audit": msgspec.json.Decoder(AuditEvent),
}
