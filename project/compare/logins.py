"""Sign a demo user in, in each of the three ways."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import StrEnum
from http.cookies import SimpleCookie
from importlib import import_module
from types import MappingProxyType
from typing import Any, cast
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import get_random_string

from accounts.browser import sign_in as browser
from accounts.browser.middleware import SessionMiddleware
from accounts.models import User
from project.compare.caller import PATH
from project.compare.calls import Answer, Request, Site
from project.compare.demo import demo_user
from tokens.http import cookies, csrf
from tokens.jwt.claims import Pair
from tokens.models import DeviceSession
from tokens.sessions.lifecycle import Device, open_session

JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
TOKENS: tuple[cookies.TokenName, ...] = ("access", "refresh")
ELSEWHERE = "https://other.example"


class Way(StrEnum):
    """A way of authentication. The value is the name of its column."""

    SESSION = "session"
    HEADER = "access_header"
    COOKIE = "access_cookie"


@dataclass(frozen=True, repr=False)
class Login:
    """A sign-in of a demo user: what its client stores, and what the site has sent it.

    `given` has the body and the cookies of the site's answer. `secret` is what authenticates a
    request.
    """

    way: Way
    session: DeviceSession
    secret: str
    jar: Mapping[str, str] = field(default_factory=dict)
    refresh: str = ""
    given: tuple[bytes, SimpleCookie] = (b"", SimpleCookie())

    @property
    def headers(self) -> dict[str, str]:
        """The headers with which the client authenticates a request."""
        if self.way is Way.HEADER:
            return {"Authorization": f"Bearer {self.secret}"}
        return {"Cookie": "; ".join(f"{name}={value}" for name, value in self.jar.items())}

    @property
    def request(self) -> Request:
        """The request that is measured."""
        return Request(PATH, self.headers)

    def writing(self, path: str, fields: Mapping[str, str] = MappingProxyType({})) -> Request:
        """Return a POST as the site's own client sends it, with the CSRF token."""
        token = self.jar.get(csrf_cookie(self.way), "")
        headers = {
            **self.headers,
            "Origin": settings.PUBLIC_URL,
            **({"X-CSRFToken": token} if token else {}),
        }
        if self.way is Way.SESSION:
            body = urlencode(fields).encode()
            return Request(path, {**headers, **FORM}, "POST", body)
        return Request(path, {**headers, **JSON}, "POST", json.dumps({**fields}).encode())

    def from_elsewhere(self, path: str, *, attached: bool) -> Request:
        """Return a POST as a page of another origin can send it, with or without the cookies."""
        headers = self.headers if attached and self.way is not Way.HEADER else {}
        return Request(path, {**headers, "Origin": ELSEWHERE, **FORM}, "POST")

    def sign_out(self, site: Site) -> Answer:
        """Sign out as the client does."""
        if self.way is Way.SESSION:
            return site(self.writing("/accounts/logout/"))
        return site(self.writing("/api/auth/logout/", self.token_body))

    def renew(self, site: Site) -> tuple["Login", Answer]:
        """Refresh; return the login with the new tokens, or as it was, and the answer."""
        answer = site(self.writing("/api/auth/refresh/", self.token_body))
        if answer.status != 200:
            return self, answer
        given = (answer.body, answer.cookies)
        if self.way is Way.HEADER:
            pair = answer.json()
            return replace(
                self, secret=pair["access"], refresh=pair["refresh"], given=given
            ), answer
        jar = {**self.jar, **{name: cookie.value for name, cookie in answer.cookies.items()}}
        secret, refresh = (jar[cookies.cookie_name(name)] for name in TOKENS)
        return replace(self, secret=secret, refresh=refresh, jar=jar, given=given), answer

    @property
    def token_body(self) -> dict[str, str]:
        """The body that names the refresh token, which a cookie names otherwise."""
        return {"refresh": self.refresh} if self.way is Way.HEADER else {}


def csrf_cookie(way: Way) -> str:
    return settings.CSRF_COOKIE_NAME if way is Way.SESSION else csrf.cookie_name()


class Person:
    """A demo user with sign-ins, and the keys of the cookies of their browsers."""

    def __init__(self, user: User) -> None:
        self.user = user
        self.keys: list[str] = []

    def sign_in_all(self) -> dict[Way, Login]:
        """Open a session in each way."""
        return {way: self.sign_in(way) for way in Way}

    def sign_in(self, way: Way) -> Login:
        """Open a session. No password is needed."""
        if way is Way.SESSION:
            login = browser_login(self.user)
            self.keys.append(login.secret)
            return login
        pair = self.new_pair()
        return header_login(pair) if way is Way.HEADER else cookie_login(pair)

    def new_pair(self) -> Pair:
        """Open a session with tokens."""
        return cast("Pair", open_session(self.user, Device(ip_address="127.0.0.1")))

    def forget_browsers(self) -> None:
        """Delete the data of the browsers."""
        for key in self.keys:
            session_store(key).delete()


@contextmanager
def demo_person() -> Iterator[Person]:
    """Create a temporary user and remove it with the data of its browsers."""
    with demo_user() as user:
        person = Person(user)
        try:
            yield person
        finally:
            person.forget_browsers()


def session_store(key: str) -> Any:
    """Return the data of the browser whose cookie has this key."""
    return import_module(settings.SESSION_ENGINE).SessionStore(key)


def browser_login(user: User) -> Login:
    """Sign a browser in with the site's middleware, which stores the data and sets the cookie."""

    def view(request: HttpRequest) -> HttpResponse:
        browser.sign_in(request, user, remember=False)
        return HttpResponse()

    request = HttpRequest()
    request.META["REMOTE_ADDR"] = "127.0.0.1"
    response = cast("HttpResponse", SessionMiddleware(view)(request))
    name = settings.SESSION_COOKIE_NAME
    secret = response.cookies[name].value
    jar = {name: secret, settings.CSRF_COOKIE_NAME: get_random_string(32)}
    session = cast("DeviceSession", browser.device_session(request))
    return Login(Way.SESSION, session, secret, jar, given=(b"", response.cookies))


def header_login(pair: Pair) -> Login:
    """Return the login of a client that has received the pair in the body of an answer."""
    body = pair.as_json()
    access, refresh = str(body["access"]), str(body["refresh"])
    given = (json.dumps(body).encode(), SimpleCookie())
    return Login(Way.HEADER, pair.session, access, refresh=refresh, given=given)


def cookie_login(pair: Pair) -> Login:
    """Return the login of a browser with the three cookies of the site's cookie transport."""
    response = cookies.token_response(pair)
    jar = {name: cookie.value for name, cookie in response.cookies.items()}
    access, refresh = (jar[cookies.cookie_name(name)] for name in TOKENS)
    jar[csrf.cookie_name()] = get_random_string(32)
    given = (response.content, response.cookies)
    return Login(Way.COOKIE, pair.session, access, jar, refresh, given)
