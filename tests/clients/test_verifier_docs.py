"""The examples of docs/verifying.md run as they are written."""

import re
from pathlib import Path

from tests.support.site import ROOT
from tests.support.wheels import run_module

BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "verifying.md").read_text(), re.DOTALL)
[FASTAPI] = [block for block in BLOCKS if "LatchkeyBearer" in block]
[FIXTURE] = [block for block in BLOCKS if "latchkey_issuer" in block]
#: The documentation leaves out the service and its client.
SERVICE = '''
@app.post("/orders/1/ship", dependencies=[Depends(bearer.has_role("shipping"))])
async def ship() -> None:
    """Ship the order."""


@app.get("/healthz")
async def healthz() -> None:
    """Answer without a token."""
'''
CONFTEST = """
import asyncio
import httpx, pytest
pytest_plugins = ["latchkey_verifier.testing.plugin"]

class Client:
    def __getattr__(self, method):
        return lambda path, **more: asyncio.run(self.send(method, path, **more))

    async def send(self, method, path, **more):
        import orders
        transport = httpx.ASGITransport(orders.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://orders") as client:
            return await getattr(client, method)(path, **more)

@pytest.fixture
def client():
    return Client()
"""
MORE_TESTS = """
def test_the_rest_of_the_example(latchkey_issuer, client):
    issuer = latchkey_issuer(orders.verifier)
    token = issuer.token(scope="orders:read", tenant="north")
    def status(path, token):
        return client.get(path, headers={"Authorization": f"Bearer {token}"}).status_code
    answer = client.get("/orders", headers={"Authorization": f"Bearer {token}"})
    assert answer.json() == {"owner": issuer.sub, "tenant": "north"}
    assert status("/orders", issuer.token(scope="orders:read")) == 200, "without a tenant"
    assert status("/orders", issuer.token()) == 403
    assert client.get("/orders").status_code == 401
    assert client.get("/healthz").status_code == 200
    issuer.revoke(token)
    assert status("/orders", token) == 401
    issuer.reachable = False
    assert status("/orders", token) == 503
    schemes = client.get("/openapi.json", headers={"Authorization": f"Bearer {token}"})
    assert "Latchkey" in schemes.json()["components"]["securitySchemes"]
"""


def test_a_service_tests_itself_with_the_fixture(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "orders.py").write_text(FASTAPI + SERVICE)
    (tmp_path / "conftest.py").write_text(CONFTEST)
    _plugins, _, test = FIXTURE.partition("\n\n\n")
    (tmp_path / "test_orders.py").write_text(f"import orders\n{test}{MORE_TESTS}")
    (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    options = ["-q", "-p", "no:django", "-p", "no:cacheprovider", "--rootdir", str(tmp_path)]
    printed = run_module(*("pytest", *options, str(tmp_path)), PYTHONPATH=f"{installed}:{tmp_path}")
    assert "2 passed" in printed
