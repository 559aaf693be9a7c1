"""The claims of the essays about tokens and session cookies, by the ids of their rows."""

from collections.abc import Mapping

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from project.compare import words
from project.compare.claim import APART, ATTACK, COST, Claim, less_with_tokens, more_with_tokens
from project.compare.claims_of_endings import ENDINGS
from project.compare.costs import CALLS, REFRESHES
from project.compare.measured import number

BYTES = _(
    "The bytes that a client writes to the socket for one GET request: the credential as the client"
    " sends it, with all cookies of the site, and the header Host."
)
ROLE_BYTES = _(
    "The same with a token that contains {count} roles of 13 characters. The token is a real one,"
    " but no group has these roles."
)
IN_TURNS = _(
    "{calls} calls of one view in this process in each way, in turns, after a warm-up. The view"
    " answers with the user and the roles. The result is the median."
)
REFRESHED = _(
    "{refreshes} refreshes in this process, one after the other. The result is the median."
)

COSTS = {
    "disk_bytes": Claim(
        COST,
        _("Tokens need no storage on the server."),
        _(
            "Rows like those of a real sign-in, with their indexes, in a temporary table, and the"
            " data of a browser in the store of this site. The result is for a million sign-ins."
        ),
        "bytes",
        lambda row: number(row.access_header) == 0,
        _("A refresh token that can be revoked needs a row. A session also needs its data."),
    ),
    "bytes_per_request": Claim(
        COST,
        _("A token makes every request longer than a session cookie does."),
        BYTES,
        "bytes",
        more_with_tokens,
        _("Cookies also carry the refresh token and the CSRF secret."),
    ),
    "bytes_with_10_roles": Claim(
        COST,
        _("A token with ten roles makes a request longer than a session cookie does."),
        format_lazy(ROLE_BYTES, count=10),
        "bytes",
        more_with_tokens,
    ),
    "bytes_with_100_roles": Claim(
        COST,
        _("With a hundred roles, a request is several times as long as with a session cookie."),
        format_lazy(ROLE_BYTES, count=100),
        "bytes",
        lambda row: number(row.access_header) > 2 * number(row.session),
        _("A browser drops a cookie of more than 4096 bytes. Put few roles into a token."),
    ),
    "queries_per_request": Claim(
        COST,
        _("A session costs a query for each request, and a token costs none."),
        format_lazy(IN_TURNS, calls=CALLS),
        "queries",
        less_with_tokens,
        _(
            "With the session cookie, the view reads the data of the browser, the session with its"
            " user, and the roles. For tokens, each process reloads the revocations at a short"
            " interval."
        ),
    ),
    "server_ms": Claim(
        COST,
        _("Without a query, the server answers faster."),
        format_lazy(IN_TURNS, calls=CALLS),
        "ms",
        less_with_tokens,
    ),
    "server_p95_ms": Claim(
        COST,
        _("The slow requests are faster with tokens, too."),
        _("The same calls. 95 % of them were not slower than this."),
        "ms",
        less_with_tokens,
    ),
    "refresh_queries": Claim(
        COST,
        _("A token moves the query to the refresh."),
        format_lazy(REFRESHED, refreshes=REFRESHES),
        "queries",
        more_with_tokens,
        _("A client refreshes once in the lifetime of an access token, not with each request."),
    ),
    "refresh_ms": Claim(
        COST,
        _("A refresh takes time that a session does not need."),
        format_lazy(REFRESHED, refreshes=REFRESHES),
        "ms",
        more_with_tokens,
    ),
}

ATTACKS = {
    "readable_by_script": Claim(
        ATTACK,
        _("A script in the page can read a token, but not an HttpOnly cookie."),
        _(
            "Look for the credential in what the site sends at the sign-in or the refresh: in the"
            " body, and in cookies without HttpOnly."
        ),
        "",
        lambda row: row.access_header == words.YES and row.session == words.NO,
        _("In a browser, keep tokens in HttpOnly cookies. A script can still use the cookies."),
    ),
    "foreign_origin": Claim(
        ATTACK,
        _("Another origin can act with cookies, but not with a header."),
        _(
            "A POST that signs out other devices, with another Origin and the"
            " cookies that a browser attaches for an origin of the same site. The site's own page"
            " sends the same request with success."
        ),
        "",
        lambda row: words.DONE in (row.session, row.access_cookie),
        _("Cookies need the check of the Origin and a CSRF token, which this site has."),
    ),
    "foreign_site": Claim(
        ATTACK,
        _("Another site can act with cookies, but not with a header."),
        _("The same from another site: a cookie is attached only if its SameSite allows it."),
        "",
        lambda row: words.DONE in (row.session, row.access_cookie),
        _("SameSite keeps the cookies of this site out of such a request."),
    ),
    "stolen_copy": Claim(
        ATTACK,
        _("A stolen token is useful for minutes, a stolen session cookie for hours."),
        _("A call with the copy, and the time until the token or the session expires."),
        "s",
        less_with_tokens,
        _(
            "A sign-out ends it earlier: see below. A thief who also has the refresh token can"
            " refresh until the site detects it."
        ),
    ),
    "copy_reads_account": Claim(
        ATTACK,
        _("A copy of each gives the same rights."),
        _("Request the page or the endpoint that shows the account, with the copy."),
        "",
        lambda row: row.session == row.access_header == row.access_cookie,
    ),
    "copy_changes_password": Claim(
        ATTACK,
        _("With a copy, a thief can take over the account."),
        _("Change the password with the copy and a guessed current password."),
        "",
        lambda row: words.YES in row.values.values(),
        _("This site asks for the current password."),
    ),
    "theft_detected": Claim(
        ATTACK,
        _("The site does not notice that tokens were stolen."),
        _(
            "A thief and the owner both use everything that the client stores. The site has"
            " detected it if it refuses both afterwards."
        ),
        "",
        lambda row: words.DETECTED not in row.values.values(),
        _(
            "A refresh token that is used twice ends its session. A copy of a session cookie is not"
            " noticed."
        ),
    ),
}

APARTS = {
    "other_service": Claim(
        APART,
        _("Another service can verify a token alone, but not a session."),
        _(
            "A service without a database and a secret verifies the credential with the public key."
            " A cookie without Domain reaches this host only."
        ),
        "",
        lambda row: row.access_header == words.YES and row.session == words.NO,
    ),
    "key_rotation": Claim(
        APART,
        _("A new signing key signs people out."),
        _(
            "A rotation of the key in a transaction that is rolled back. A service with a cached"
            " key set verifies tokens of the old and of the new key: how many does it refuse?"
        ),
        "tokens",
        lambda row: number(row.access_header) > 0,
        _("The site publishes a key before it signs, and for as long as its tokens are valid."),
    ),
    "database_down_now": Claim(
        APART,
        _("Tokens work while the database is down."),
        _("The second process refuses every statement. The status of the next call."),
        "status",
        lambda row: row.access_header == 200 and row.session != 200,
        _("The site answers 503 and not 401, so that clients keep their tokens."),
    ),
    "served_without_database_ms": Claim(
        APART,
        _("Tokens work for as long as the database is down."),
        _(
            "The time until the first call that is refused, after the second process has reloaded"
            " the revocations."
        ),
        "ms",
        lambda row: row.access_header == words.TOO_LONG,
        _("A process that cannot reload the revocations trusts no token after a short interval."),
    ),
    "other_service_site_down": Claim(
        APART,
        _("Another service verifies tokens while this site is down."),
        _("The service verifies the credential again after the second process was killed."),
        "",
        lambda row: row.access_header == words.YES,
        _("It uses the cached keys, and the cached status list until that expires."),
    ),
}

#: The order of the page.
CLAIMS: Mapping[str, Claim] = {**COSTS, **ATTACKS, **ENDINGS, **APARTS}
