"""Immutable copies of JSON values, for what several requests share."""

from typing import Any, NoReturn


class FrozenDict(dict[str, Any]):
    """A dictionary whose items cannot be changed: a TypeError is raised instead.

    It stays a `dict`, so that every JSON encoder writes it. `dict(…)`, `.copy()` and `|` return
    ordinary dictionaries.
    """

    def _refuse(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError("The claims of a verified token cannot be changed. Copy them first.")

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and unpickle by the constructor, because items cannot be set one by one."""
        return FrozenDict, (dict(self),)


def freeze(value: Any) -> Any:
    """Return the JSON value with tuples for its lists and a FrozenDict for each of its objects."""
    if isinstance(value, dict):
        return FrozenDict({name: freeze(member) for name, member in value.items()})
    if isinstance(value, list):
        return tuple([freeze(member) for member in value])
    return value
