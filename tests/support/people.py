"""People with a browser, who open pages, fill in forms and sign in."""

import re
from dataclasses import dataclass, field

from django.test import Client

from accounts.models import User
from tests.conftest import PASSWORD, Answer
from tokens.models import DeviceSession, Kind

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15"
    " (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1"
)
CSRF = re.compile(r'name="csrfmiddlewaretoken" value="[^"]+"')


@dataclass
class Person:
    """A person and their browser."""

    client: Client = field(default_factory=lambda: Client(headers={"User-Agent": FIREFOX}))

    def get(self, path: str, **query: str) -> Answer:
        return self.client.get(f"/accounts/{path}", query)

    def post(self, path: str, **fields: str) -> Answer:
        return self.client.post(f"/accounts/{path}", fields)

    def sign_in(self, name: str = "alice", password: str = PASSWORD, **more: str) -> Answer:
        return self.post("login/", username=name, password=password, **more)

    @property
    def is_signed_in(self) -> bool:
        return int(self.get("devices/").status_code) == 200


def signed_in(user: User, user_agent: str = FIREFOX) -> Person:
    """Return a person whose browser has just signed in as this user."""
    person = Person(Client(headers={"User-Agent": user_agent}))
    answer = person.sign_in(user.username)
    assert answer.status_code == 302, answer.content
    return person


def newest(user: User) -> DeviceSession:
    """Return the newest browser session of this user."""
    return DeviceSession.objects.filter(user=user, kind=Kind.BROWSER).latest("pk")


def without_csrf_token(answer: Answer) -> str:
    """Return the page without its CSRF token, so that two pages can be compared."""
    return CSRF.sub("", answer.text)
