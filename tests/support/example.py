"""The example API, called as a program calls it."""

from typing import Any

from tests.conftest import API, Answer


def read(api: API, pair: dict[str, Any]) -> Answer:
    """Call the example API with the access token of the pair."""
    headers = {"Authorization": f"Bearer {pair['access']}"}
    return api.client.get("/api/example/", headers=headers)
