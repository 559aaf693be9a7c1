"""nginx and Caddy with the examples of deploy/, in front of a site on loopback."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import httpx

from tests.project.deploy.certificates import Certificate, issue
from tests.project.deploy.programs import DEPLOY, program
from tests.support.servers import free_port, wait_until
from tests.support.site import PASSWORD, Site, latchkey

MAIN = """
daemon off;
user {user};
pid nginx.pid;
error_log stderr;
events {{}}
http {{
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi; scgi_temp_path scgi;
    access_log off;
    include latchkey.conf;
}}
"""


@dataclass
class Ports:
    http: int
    https: int
    site: int


@dataclass
class Proxied:
    """A site behind a proxy. The client's address is 127.0.0.2, and the proxy's is 127.0.0.1."""

    name: str
    site: Site
    ports: Ports
    certificate: Certificate
    log: Path  # of the proxy

    @property
    def url(self) -> str:
        return f"https://localhost:{self.ports.https}"

    def client(self) -> httpx.Client:
        """Return a client that keeps its connections and sends nothing twice."""
        transport = httpx.HTTPTransport(verify=self.certificate.trust, local_address="127.0.0.2")
        return httpx.Client(base_url=self.url, transport=transport, timeout=30)

    def login(self, client: httpx.Client, **headers: str) -> dict[str, Any]:
        body = {"username": "alice", "password": PASSWORD}
        answer = client.post("/api/auth/login/", json=body, headers=headers)
        assert answer.status_code == 200, answer.text
        pair: dict[str, Any] = answer.json()
        return pair


#: Writes the configuration into the directory, and returns the command that runs the proxy.
Configure: TypeAlias = Callable[[Path, Ports, Certificate], list[str]]


def changed(text: str, changes: dict[str, str]) -> str:
    """Return the example with other names, ports and files. Each change must be possible."""
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


def nginx(directory: Path, ports: Ports, certificate: Certificate) -> list[str]:
    live = "/etc/letsencrypt/live/id.example.org"
    changes = {
        f"{live}/fullchain.pem": str(certificate.chain),
        f"{live}/privkey.pem": str(certificate.key),
        "id.example.org": "localhost",
        "listen 80;": f"listen 127.0.0.1:{ports.http};",
        "listen 443 ssl;": f"listen 127.0.0.1:{ports.https} ssl;",
        "https://$host$": f"https://$host:{ports.https}$",
        "/var/log/nginx/latchkey.log": "proxy.log",
        "127.0.0.1:8000": f"127.0.0.1:{ports.site}",
    }
    example = (DEPLOY / "nginx.conf").read_text()
    (directory / "latchkey.conf").write_text(changed(example, changes))
    user = "root" if os.getuid() == 0 else "nobody"  # Without root, nginx ignores it.
    (directory / "nginx.conf").write_text(MAIN.format(user=user))
    return [program("nginx"), "-p", str(directory), "-c", "nginx.conf", "-e", "stderr"]


def caddy(directory: Path, ports: Ports, certificate: Certificate) -> list[str]:
    own = f"\tadmin off\n\thttp_port {ports.http}\n\thttps_port {ports.https}\n"
    files = f"tls {certificate.chain} {certificate.key}"
    output = f"\tlog {{\n\t\toutput file {directory / 'proxy.log'}\n"
    changes = {
        "{\n\tservers": f"{{\n{own}\tservers",
        "http://id.example.org {\n": "http://localhost {\n\tbind 127.0.0.1\n",
        "\nid.example.org {\n": f"\nlocalhost {{\n\tbind 127.0.0.1\n\t{files}\n",
        "\tlog {\n": output,
        "127.0.0.1:8000": f"127.0.0.1:{ports.site}",
    }
    (directory / "Caddyfile").write_text(changed((DEPLOY / "Caddyfile").read_text(), changes))
    return [program("caddy"), "run", "--config", "Caddyfile", "--adapter", "caddyfile"]


@contextmanager
def proxied(directory: Path, configure: Configure) -> Iterator[Proxied]:
    """Serve the site behind the proxy until the block ends."""
    ports = Ports(free_port(), free_port(), 0)
    certificate = issue(directory)
    url = f"https://localhost:{ports.https}"
    program(configure.__name__)  # before the site is started
    settings = {"PUBLIC_URL": url, "PROXIES": "1", "THROTTLES": "on"}
    with latchkey(directory, **settings) as site:
        site.add_people("alice")
        ports.site = int(site.url.rpartition(":")[2])
        command = configure(directory, ports, certificate)
        home = {"XDG_DATA_HOME": str(directory), "XDG_CONFIG_HOME": str(directory)}
        with (directory / "proxy.out").open("wb") as output:
            process = subprocess.Popen(
                command, cwd=directory, env={**os.environ, **home}, stdout=output, stderr=output
            )
        running = Proxied(configure.__name__, site, ports, certificate, directory / "proxy.log")
        try:
            wait_until(lambda: answers(running), seconds=20)
            yield running
        finally:
            process.terminate()
            process.wait(timeout=20)


def answers(running: Proxied) -> bool:
    with running.client() as client:
        try:
            return client.get("/healthz").status_code == 200
        except httpx.TransportError:
            return False
