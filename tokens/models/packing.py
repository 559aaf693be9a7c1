"""Read columns of many rows as one value, ten times as fast as one object per row."""

from collections.abc import Iterator
from struct import iter_unpack
from typing import Any

from django.db.models import Aggregate, BinaryField, Func


class _Bytes(Func):
    """A column as bytes, or as hexadecimal digits on SQLite, which cannot join bytes."""

    arity = 1
    output_field = BinaryField()

    def as_postgresql(self, compiler: Any, connection: Any) -> Any:
        function = "uuid_send" if self._is_uuid() else "int8send"
        return self.as_sql(compiler, connection, function=function)

    def as_sqlite(self, compiler: Any, connection: Any, **extra_context: Any) -> Any:
        # Django's template and then its parameters are formatted; each step halves the signs.
        template = "%(expressions)s" if self._is_uuid() else "printf('%%%%016x', %(expressions)s)"
        return self.as_sql(compiler, connection, template=template)

    def _is_uuid(self) -> bool:
        [column] = self.get_source_expressions()
        return bool(column.output_field.get_internal_type() == "UUIDField")


class Packed(Aggregate):
    """The named columns of all rows in one value for `unpack`. Columns are UUIDs or integers."""

    output_field = BinaryField()
    template = "%(function)s(%(expressions)s, '')"
    arg_joiner = " || "

    def __init__(self, *names: str, **extra: Any) -> None:
        super().__init__(*map(_Bytes, names), **extra)

    def as_postgresql(self, compiler: Any, connection: Any) -> Any:
        return self.as_sql(compiler, connection, function="string_agg")

    def as_sqlite(self, compiler: Any, connection: Any, **extra_context: Any) -> Any:
        return self.as_sql(compiler, connection, function="group_concat")


def unpack(form: str, packed: bytes | str | None) -> Iterator[tuple[Any, ...]]:
    """Yield the values of each row. `form` is for `struct`: "16s" is a UUID, "q" an integer."""
    data = bytes.fromhex(packed) if isinstance(packed, str) else packed or b""
    return iter_unpack(f">{form}", data)
