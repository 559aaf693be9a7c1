"""Which way fits which kind of application. The results of the run choose it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from project.compare.claim import Text
from project.compare.logins import Way
from project.compare.measured import Measured, number
from project.compare.results import TITLES, row_of
from project.compare.words import DETECTED, NO, REFUSED, YES

Run: TypeAlias = Mapping[str, Measured]


@dataclass(frozen=True)
class Advice:
    """A kind of application, the way that fits it, and why. None: no way fits alone."""

    application: str
    way: Way | None
    reason: str

    @property
    def title(self) -> str:
        return str(TITLES[self.way]) if self.way else gettext("None of the three alone")


def advise(run: Run) -> list[Advice]:
    """Return the advice for each kind of application."""
    cells = {
        name: dict(zip(Way, (cell for _, cell in row_of(row).cells), strict=True))
        for name, row in run.items()
    }
    return [
        Advice(str(application), way, str(reason if way else otherwise).format_map(cells))
        for application, choose, reason, otherwise in APPLICATIONS
        for way in (choose(run),)
    ]


def least(run: Run, row: str, ways: list[Way]) -> Way | None:
    """Return the way with the smallest number in the row, or None without a way."""
    return min(ways, key=lambda way: number(run[row].values[way]), default=None)


def ways_with(run: Run, **words: str) -> list[Way]:
    """Return the ways that have these words as the results of these rows."""
    return [way for way in Way if all(run[row].values[way] == word for row, word in words.items())]


def for_pages(run: Run) -> Way | None:
    safe = ways_with(run, readable_by_script=NO, foreign_origin=REFUSED)
    return least(run, "bytes_per_request", safe)


def for_single_page_apps(run: Run) -> Way | None:
    safe = ways_with(run, readable_by_script=NO, foreign_origin=REFUSED)
    return least(run, "server_ms", safe)


def for_mobile_apps(run: Run) -> Way | None:
    return least(run, "bytes_per_request", ways_with(run, theft_detected=DETECTED))


def for_programs(run: Run) -> Way | None:
    least_queries = [way for way in Way if run["queries_per_request"].values[way] == 0]
    return least(run, "bytes_per_request", least_queries)


def for_services(run: Run) -> Way | None:
    return least(run, "bytes_per_request", ways_with(run, other_service=YES))


def for_domains(run: Run) -> Way | None:
    """Return a way that a browser sends to another domain and that no script reads."""
    ways = ways_with(run, other_service=YES, readable_by_script=NO)
    return least(run, "bytes_per_request", ways)


NONE = _("None of the three passes the measurements above.")
#: The kind of application, the choice, the reason, and the reason if no way is chosen.
APPLICATIONS: list[tuple[Text, Callable[[Run], Way | None], Text, Text]] = [
    (
        _("A site that renders its pages on the server"),
        for_pages,
        _(
            "It is the shortest credential that no script and no other origin can use: a request"
            " has {bytes_per_request[session]}. After a sign-out, every process refuses it:"
            " {refused_after_sign_out_second_process_ms[session]}. Its price is"
            " {queries_per_request[session]} queries for each request, and a page queries the"
            " database anyway."
        ),
        NONE,
    ),
    (
        _("A single-page app on the same site"),
        for_single_page_apps,
        _(
            "No script and no other origin can use it, and a call takes {server_ms[access_cookie]}"
            " instead of {server_ms[session]} with a session. Its price is a request of"
            " {bytes_per_request[access_cookie]}. The session cookie is enough if"
            " the app calls this site only."
        ),
        NONE,
    ),
    (
        _("A mobile app"),
        for_mobile_apps,
        _(
            "The system stores the tokens safely, and no page can send them. A copy of the access"
            " token works for {stolen_copy[access_header]}, a copy of a session for"
            " {stolen_copy[session]}. A copy of the refresh token is"
            " {theft_detected[access_header]}, a copy of the session is"
            " {theft_detected[session]}."
        ),
        NONE,
    ),
    (
        _("An API that programs use"),
        for_programs,
        _(
            "A program has no browser, so a cookie is only a longer header. A call needs"
            " {queries_per_request[access_header]} queries instead of"
            " {queries_per_request[session]}. Give the program a service account."
        ),
        NONE,
    ),
    (
        _("Several services behind one sign-in"),
        for_services,
        _(
            "Every service can verify it with the public key, also while this site is down. A"
            " service that fetches the status list refuses it"
            " {refused_after_sign_out_other_service_ms[access_header]} after a sign-out, and"
            " without the list {refused_after_sign_out_without_list_ms[access_header]} after it."
            " Use the list where that is too long."
        ),
        NONE,
    ),
    (
        _("One sign-in for several domains"),
        for_domains,
        _("A browser sends it to another domain, and no script can read it."),
        _(
            "A browser sends a cookie to its own domain only, and a script would have to carry the"
            " token from one domain to the other, where every script can read it. Let each domain"
            " have its own session, and sign people in with a redirect protocol such as OpenID"
            " Connect. This site does not offer one."
        ),
    ),
]
