from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class KeyState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    KEY_STATE_UNSPECIFIED: _ClassVar[KeyState]
    KEY_STATE_ACTIVE: _ClassVar[KeyState]
    KEY_STATE_ROTATING: _ClassVar[KeyState]
    KEY_STATE_RETIRED: _ClassVar[KeyState]
KEY_STATE_UNSPECIFIED: KeyState
KEY_STATE_ACTIVE: KeyState
KEY_STATE_ROTATING: KeyState
KEY_STATE_RETIRED: KeyState

class Key(_message.Message):
    __slots__ = ("key_id", "scope", "state", "public_key")
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    PUBLIC_KEY_FIELD_NUMBER: _ClassVar[int]
    key_id: str
    scope: str
    state: KeyState
    public_key: bytes
    def __init__(self, key_id: _Optional[str] = ..., scope: _Optional[str] = ..., state: _Optional[_Union[KeyState, str]] = ..., public_key: _Optional[bytes] = ...) -> None: ...

class SignRequest(_message.Message):
    __slots__ = ("scope", "payload", "key_id")
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    scope: str
    payload: bytes
    key_id: str
    def __init__(self, scope: _Optional[str] = ..., payload: _Optional[bytes] = ..., key_id: _Optional[str] = ...) -> None: ...

class SignResponse(_message.Message):
    __slots__ = ("key_id", "signature")
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    key_id: str
    signature: bytes
    def __init__(self, key_id: _Optional[str] = ..., signature: _Optional[bytes] = ...) -> None: ...

class PublicKeyRequest(_message.Message):
    __slots__ = ("scope", "key_id")
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    scope: str
    key_id: str
    def __init__(self, scope: _Optional[str] = ..., key_id: _Optional[str] = ...) -> None: ...

class OpenRotationRequest(_message.Message):
    __slots__ = ("scope",)
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    scope: str
    def __init__(self, scope: _Optional[str] = ...) -> None: ...

class OpenRotationResponse(_message.Message):
    __slots__ = ("active", "rotating")
    ACTIVE_FIELD_NUMBER: _ClassVar[int]
    ROTATING_FIELD_NUMBER: _ClassVar[int]
    active: Key
    rotating: Key
    def __init__(self, active: _Optional[_Union[Key, _Mapping]] = ..., rotating: _Optional[_Union[Key, _Mapping]] = ...) -> None: ...

class CloseRotationRequest(_message.Message):
    __slots__ = ("scope",)
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    scope: str
    def __init__(self, scope: _Optional[str] = ...) -> None: ...

class CloseRotationResponse(_message.Message):
    __slots__ = ("active", "retired")
    ACTIVE_FIELD_NUMBER: _ClassVar[int]
    RETIRED_FIELD_NUMBER: _ClassVar[int]
    active: Key
    retired: Key
    def __init__(self, active: _Optional[_Union[Key, _Mapping]] = ..., retired: _Optional[_Union[Key, _Mapping]] = ...) -> None: ...
