"""The variables that every template has in addition to Django's."""

from django.conf import settings
from django.http import HttpRequest


def site(request: HttpRequest) -> dict[str, str | bool]:
    """Return the name and the logo of the site, and whether it has the pages under /compare/.

    `{% static site_logo %}` is the logo's URL.
    """
    return {
        "site_name": settings.SITE_NAME,
        "site_logo": settings.SITE_LOGO,
        "demo": settings.DEMO,
    }
