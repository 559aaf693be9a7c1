"""The page that shows the numbers and the first rows of an action, and asks to confirm it."""

from collections.abc import Sequence

from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import ngettext

from tokens.admin.lists import BigTableAdmin

MAX_NAMED = 10  # rows whose names a preview shows


def preview(
    modeladmin: BigTableAdmin,
    request: HttpRequest,
    *,
    title: str,
    numbers: list[str],
    names: Sequence[str],
    confirmation: str,
) -> HttpResponse:
    """Return the page, whose form sends the same action again with `confirmed`=`confirmation`."""
    context = {
        **modeladmin.admin_site.each_context(request),
        "title": title,
        "opts": modeladmin.opts,
        "numbers": numbers,
        "names": [*names[:MAX_NAMED], *("…" * (len(names) > MAX_NAMED))],
        "confirmation": confirmation,
        "chosen": request.POST.getlist(ACTION_CHECKBOX_NAME),
        "repeated": {
            name: request.POST[name] for name in ("action", "select_across") if name in request.POST
        },
        "checkbox": ACTION_CHECKBOX_NAME,
    }
    return TemplateResponse(request, "admin/confirm_action.html", context)


def count_users(number: int) -> str:
    return ngettext("%(count)s user", "%(count)s users", number) % {"count": number}
