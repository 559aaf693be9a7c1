"""How an administrator comes in: as everybody does, throttled and by a device session."""

from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse

from accounts.pages.page import Page


class AdminSignInPage(Page):
    """Lead to our sign-in, or refuse whoever is signed in and no administrator."""

    template_name = "no_administrator.html"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        after = request.GET.get("next", "/admin/")
        if request.user.is_authenticated and not self.user.is_staff:
            return self.show(403, next=after)
        return redirect_to_login(after)
