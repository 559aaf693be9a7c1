"""A client as one writes it in ten lines. It breaks most guarantees: it is here to show that."""

from functools import partial
from typing import Any

import httpx
from protocol import SITE, serve

http, pair = httpx.Client(base_url=SITE), dict[str, Any]()


def post(name: str, **body: str) -> None:
    pair.update(http.post(f"/api/auth/{name}/", json=body).json())
    http.headers["Authorization"] = f"Bearer {pair['access']}"


def call(method: str, path: str, body: str | None) -> dict[str, Any]:
    answer = http.request(method, path, content=body)
    if answer.status_code == 401:
        post("refresh", refresh=pair["refresh"])
        answer = http.request(method, path, content=body)
    return {"status": answer.status_code}


def sign_out() -> None:
    http.post("/api/auth/logout/", json={"refresh": pair["refresh"]})


serve({"sign_in": partial(post, "login"), "call": call, "sign_out": sign_out}, store="memory")
