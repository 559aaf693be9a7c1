"""The pages that links in mails lead to. Looking at one does nothing: mail scanners look first.

What a link proves is in its query, which neither Django's log nor a form's address has.
"""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache

from accounts import changes, links
from accounts.exceptions import LinkInvalid, WeakPasswordError


@method_decorator(never_cache, name="dispatch")
class LinkPage(View):
    """A page whose form brings what the link had."""

    http_method_names = ["get", "head", "post"]
    template_name: str

    def show(self, status: int = 200, **context: Any) -> HttpResponse:
        return render(self.request, self.template_name, context, status=status)

    def refuse(self) -> HttpResponse:
        return self.show(400, refused=LinkInvalid.default_detail)


class PasswordPage(LinkPage):
    """Choose a password, after a reset or an invitation."""

    template_name = "link_password.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        uid, token = request.GET.get("uid", ""), request.GET.get("token", "")
        if links.user_of_password_link(uid, token) is None:
            return self.refuse()
        return self.show(uid=uid, token=token)

    def post(self, request: HttpRequest) -> HttpResponse:
        uid, token = request.POST.get("uid", ""), request.POST.get("token", "")
        try:
            changes.choose_password(uid, token, request.POST.get("new_password", ""))
        except WeakPasswordError as error:
            return self.show(uid=uid, token=token, errors=error.sentences)
        except LinkInvalid:
            return self.refuse()
        return self.show(done=True)


class EmailPage(LinkPage):
    """Confirm an e-mail address."""

    template_name = "link_email.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        token = request.GET.get("token", "")
        claims = links.read_email_token(token)
        if claims is None:
            return self.refuse()
        return self.show(email=claims["email"], token=token)

    def post(self, request: HttpRequest) -> HttpResponse:
        try:
            changes.confirm_email(request.POST.get("token", ""))
        except LinkInvalid:
            return self.refuse()
        return self.show(done=True)
