"""The site of Django admin. Its first page has what an administrator needs in an emergency."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.template.response import TemplateResponse


class AdminSite(admin.AdminSite):
    """Django's, with the state of the site and a form for leaked tokens on the first page."""

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        # These modules register with the site, which exists only now.
        from project.web.dashboard import panels  # noqa: PLC0415  (the models are there now)
        from tokens.admin.blacklist import BlacklistForm  # noqa: PLC0415  (as above)

        may_paste = request.user.has_perm("tokens.add_blacklistedtoken")
        context = {
            **(extra_context or {}),
            "panels": panels(request),
            "leaked": BlacklistForm() if may_paste else None,
        }
        return super().index(request, context)
