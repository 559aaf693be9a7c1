"""The site of Django admin. Its first page has what an administrator needs in an emergency."""

from typing import Any, cast

from django.contrib import admin
from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.core.exceptions import PermissionDenied
from django.db.models import ForeignObjectRel
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse


class AutocompleteView(AutocompleteJsonView):
    """Finds the choices of a field, and answers 403 for a relation from another model."""

    def process_request(self, request: HttpRequest) -> Any:
        parts = super().process_request(request)  # type: ignore[misc]  # not in the stubs
        _, _, field, _ = parts
        if isinstance(field, ForeignObjectRel):
            raise PermissionDenied  # No form has such a field, and Django would fail.
        return parts


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

    def autocomplete_view(self, request: HttpRequest) -> HttpResponse:
        return cast("HttpResponse", AutocompleteView.as_view(admin_site=self)(request))
