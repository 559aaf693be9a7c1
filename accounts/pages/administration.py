"""The sign-in of Django admin: it redirects to the sign-in page of the site.

Administrators therefore have device sessions, and their sign-ins are throttled.
"""

from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse

from accounts.pages.page import Page


class AdminSignInPage(Page):
    """Redirect to the sign-in page, or refuse a signed-in user without staff status."""

    template_name = "no_administrator.html"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        after = request.GET.get("next", "/admin/")
        if request.user.is_authenticated and not self.user.is_staff:
            return self.show(403, next=after)
        return redirect_to_login(after)
