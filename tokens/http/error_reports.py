"""Error reports: the page of a failed request with DEBUG, and the mail to ADMINS without it."""

from collections.abc import Callable, ItemsView
from functools import wraps
from types import FrameType
from typing import Any, Concatenate, ParamSpec

from django.http import HttpRequest, HttpResponse
from django.views.debug import SafeExceptionReporterFilter

Arguments = ParamSpec("Arguments")
View = Callable[Concatenate[HttpRequest, Arguments], HttpResponse]


class ReportFilter(SafeExceptionReporterFilter):
    """Hides the values of forms and variables, unless DEBUG is on.

    Django hides variables whose names it knows. A token or a secret can have any name.
    """

    def get_post_parameters(self, request: HttpRequest | None) -> dict[str, Any]:
        shown = super().get_post_parameters(request)
        return dict.fromkeys(shown, self.cleansed_substitute) if self.is_active(request) else shown

    def get_traceback_frame_variables(
        self, request: HttpRequest | None, tb_frame: FrameType
    ) -> ItemsView[str, Any]:
        if not self.is_active(request):
            return super().get_traceback_frame_variables(request, tb_frame)
        return dict.fromkeys(tb_frame.f_locals, self.cleansed_substitute).items()


class DiscreetFilter(ReportFilter):
    """Hides them with DEBUG as well."""

    def is_active(self, request: HttpRequest | None) -> bool:
        return True


def without_values_in_errors(view: "View[Arguments]") -> "View[Arguments]":
    """Decorate a view that handles a secret: an error in it shows code and messages, no values."""

    @wraps(view)
    def wrapped(
        request: HttpRequest, /, *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> HttpResponse:
        request.exception_reporter_filter = DiscreetFilter()  # type: ignore[attr-defined]  # Django reads it
        return view(request, *args, **kwargs)

    return wrapped
