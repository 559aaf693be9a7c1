"""Measure what an attacker can do: a script in the page, a page of another origin, a thief."""

from django.utils import timezone

from project.compare.calls import Request, Site
from project.compare.logins import Login, Person, Way
from project.compare.measured import Measured, Results, UnexpectedAnswerError, Value, expect
from project.compare.words import DETECTED, DONE, NO, REFUSED, UNDETECTED, YES
from tokens.jwt.parsing import parse_unverified
from tokens.models import DeviceSession

#: The path that signs out the user's other devices, in each way.
OTHERS = {
    Way.SESSION: "/accounts/devices/others/end/",
    Way.HEADER: "/api/auth/logout/others/",
    Way.COOKIE: "/api/auth/logout/others/",
}
ACCOUNT = {
    Way.SESSION: "/accounts/",
    Way.HEADER: "/api/account/me/",
    Way.COOKIE: "/api/account/me/",
}
PASSWORD = {
    Way.SESSION: "/accounts/password/change/",
    Way.HEADER: "/api/account/password/",
    Way.COOKIE: "/api/account/password/",
}
#: The SameSite attributes with which a browser attaches a cookie to a POST of another site.
ATTACHED = ("", "none")


def measure_attacks(person: Person, site: Site) -> Results:
    """Sign the person in and attack the sessions, in each way."""
    logins = {way: renewed(person.sign_in(way), site) for way in Way}
    readable: dict[Way, Value] = {way: yes(is_readable(logins[way])) for way in Way}
    yield Measured.of("readable_by_script", readable)
    for row, is_same_site in (("foreign_origin", True), ("foreign_site", False)):
        forged = {way: forge(person, way, site, is_same_site=is_same_site) for way in Way}
        yield Measured.of(row, forged)
    logins = person.sign_in_all()  # The forged requests may have ended the sessions.
    yield Measured.of("stolen_copy", {way: lifetime(logins[way], site) for way in Way})
    reads: dict[Way, Value] = {way: yes(reads_account(logins[way], site)) for way in Way}
    yield Measured.of("copy_reads_account", reads)
    changes: dict[Way, Value] = {way: yes(changes_password(logins[way], site)) for way in Way}
    yield Measured.of("copy_changes_password", changes)
    found: dict[Way, Value] = {way: theft(logins[way], site) for way in Way}
    yield Measured.of("theft_detected", found)


def yes(value: bool) -> Value:
    return YES if value else NO


def renewed(login: Login, site: Site) -> Login:
    """Refresh the tokens, so that the login has a real answer of the site."""
    if login.way is Way.SESSION:
        return login
    login, answer = login.renew(site)
    expect(answer, 200)
    return login


def is_readable(login: Login) -> bool:
    """Return whether a script can read the credential in what the site has sent.

    A script reads the body of an answer, and cookies without HttpOnly (RFC 6265, section 5.2.6).
    """
    body, cookies = login.given
    readable = [cookie.value for cookie in cookies.values() if not cookie["httponly"]]
    return login.secret in body.decode() or login.secret in readable


def is_attached(login: Login) -> bool:
    """Return whether a browser attaches the cookie to a POST of a page of another site."""
    cookies = login.given[1].values()
    return any(
        cookie.value == login.secret and cookie["samesite"].lower() in ATTACHED
        for cookie in cookies
    )


def forge(person: Person, way: Way, site: Site, *, is_same_site: bool) -> Value:
    """Return whether a page of another origin can sign out the other sessions of the person.

    Raises UnexpectedAnswerError if the site's own page cannot do it either.
    """
    login = renewed(person.sign_in(way), site)
    attached = is_same_site or is_attached(login)
    forged = login.from_elsewhere(OTHERS[way], attached=attached)
    if ends_another_session(person, site, forged):
        return DONE
    if not ends_another_session(person, site, login.writing(OTHERS[way])):
        raise UnexpectedAnswerError(f"No page can use {OTHERS[way]}.")
    return REFUSED


def ends_another_session(person: Person, site: Site, request: Request) -> bool:
    other = person.new_pair().session
    site(request)
    return not DeviceSession.objects.filter(pk=other.pk).active().exists()


def lifetime(login: Login, site: Site) -> int:
    """Return the seconds for which a copy of the credential works if nothing changes."""
    expect(site(login.request), 200)
    now = timezone.now()
    if login.way is Way.SESSION:
        row = DeviceSession.objects.get(pk=login.session.pk)
        return round((row.ends_at - now).total_seconds())
    expires_at: int = parse_unverified(login.secret)[1]["exp"]
    return round(expires_at - now.timestamp())


def reads_account(login: Login, site: Site) -> bool:
    """Return whether a copy shows the account of the user."""
    return site(Request(ACCOUNT[login.way], login.headers)).status == 200


def changes_password(login: Login, site: Site) -> bool:
    """Return whether a thief, who does not know the current password, can change it."""
    fields = {"current_password": "guess", "new_password": "seven thin herons"}
    return site(login.writing(PASSWORD[login.way], fields)).status in (200, 302)


def theft(login: Login, site: Site) -> Value:
    """Return whether the site detects that a thief and the owner use copies of one login.

    Both use everything that the client stores. The thief comes first, twice.
    """
    if login.way is Way.SESSION:
        both = [site(login.request).status for _ in range(2)]
        return UNDETECTED if both == [200, 200] else DETECTED
    thief, first = login.renew(site)
    thief, second = thief.renew(site)
    expect(first, 200)
    expect(second, 200)
    _, owner = login.renew(site)
    _, again = thief.renew(site)
    return DETECTED if owner.status == again.status == 401 else UNDETECTED
