"""What holds for every address of the site, those that are added one day too."""

from collections import Counter
from collections.abc import Iterator

from django.urls import URLPattern, URLResolver, get_resolver


def addresses(resolver: URLResolver, before: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Yield every route with its pattern, but for those that have a namespace of their own."""
    for pattern in resolver.url_patterns:
        route = f"{before}{pattern.pattern}"
        if isinstance(pattern, URLPattern):
            yield route, pattern
        elif pattern.namespace is None:
            yield from addresses(pattern, route)


ADDRESSES = dict(addresses(get_resolver()))


def test_no_two_addresses_have_one_name() -> None:
    names = Counter(pattern.name for pattern in ADDRESSES.values() if pattern.name)
    assert [name for name, count in names.items() if count > 1] == []
