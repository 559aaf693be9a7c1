"""The claims about the time for which a copy works after a change, by the ids of their rows."""

from collections.abc import Mapping

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from project.compare.claim import END, Claim, Text
from project.compare.endings import (
    HERE,
    INACTIVE,
    INTERVAL,
    LONGEST,
    PASSWORD,
    ROLE,
    SERVICE,
    SIGN_OUT,
    THERE,
)
from project.compare.measured import Measured, number

CHANGED = {
    SIGN_OUT: _("a sign-out"),
    PASSWORD: _("a change of the password"),
    INACTIVE: _("a deactivation"),
    ROLE: _("a change of the roles"),
}
CLAIMED = {
    HERE: _("After {change}, a token works until it expires."),
    THERE: _("Another process of the site learns of {change} only when the token expires."),
    SERVICE: _("Another service never learns of {change}."),
}
MEASURED_BY = {
    HERE: _(
        "A copy is used every {interval} ms in this process, from the commit of the change. The"
        " result is the time until the first use that is refused."
    ),
    THERE: _("The same in a second process of the site."),
    SERVICE: _(
        "The same in a service that verifies tokens alone and has just fetched the status list."
        " What it still accepts after {longest} s, it accepts until the token expires."
    ),
}
EFFECTS = {
    HERE: (
        _("A new role has no effect before the token expires."),
        _(
            "A copy is used every {interval} ms in this process, and a client with a token"
            " refreshes it when it is refused. The result is the time from the commit to the"
            " first answer with the new role."
        ),
    ),
    THERE: (
        _("In another process, a new role has no effect before the token expires."),
        _("The same in a second process of the site."),
    ),
}
NUMBERS = {"interval": round(INTERVAL * 1000), "longest": LONGEST}
ADVICE = {
    HERE: _("The process that makes a change reloads the revocations for its next request."),
    THERE: _("Each process reloads the revocations at a short interval, one second by default."),
    SERVICE: _(
        "A service learns of it when the site has reloaded the revocations and the cached list has"
        " expired."
    ),
}
ROLE_ADVICE: Mapping[str, Text] = {
    HERE: _("The session continues. A client with a token refreshes it."),
    THERE: _("The session continues. A client with a token refreshes it."),
    SERVICE: _("The status list has no roles. Give tokens a short life if roles matter there."),
}


def outlives(row: Measured) -> bool:
    """Return whether a copy of the token works for much longer than revocations take."""
    return number(row.access_header) > LONGEST * 1000


def claim(change: str, place: str) -> Claim:
    return Claim(
        END,
        format_lazy(CLAIMED[place], change=CHANGED[change]),
        format_lazy(MEASURED_BY[place], **NUMBERS),
        "ms",
        outlives,
        (ROLE_ADVICE if change == ROLE else ADVICE)[place],
    )


def effect(place: str) -> Claim:
    claimed, measured_by = EFFECTS[place]
    return Claim(END, claimed, format_lazy(measured_by, **NUMBERS), "ms", outlives)


WITHOUT_LIST = Claim(
    END,
    _("A service that fetches no list never learns of a sign-out."),
    _("The same service without the status list. The time until the token expires."),
    "ms",
    outlives,
)
ENDINGS = {
    **{
        f"{row}{place}_ms": claimed
        for place in (HERE, THERE)
        for row, claimed in (
            *((f"refused_after_{change}", claim(change, place)) for change in CHANGED),
            ("role_effective", effect(place)),
        )
    },
    **{f"refused_after_{change}{SERVICE}_ms": claim(change, SERVICE) for change in CHANGED},
    "refused_after_sign_out_without_list_ms": WITHOUT_LIST,
}
