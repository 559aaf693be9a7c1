"""Another password, by the present one or by a mailed link.

Looking at a link does nothing: mail scanners look first. What a link proves is in its
query, which neither Django's log nor a form's address has.
"""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts import changes, links
from accounts.browser.sign_in import change_password
from accounts.errors import InvalidLinkError
from accounts.pages.forms import ForgottenForm, NewPasswordForm, PasswordChangeForm
from accounts.pages.page import FormPage, Page, SignedInFormPage
from tokens.http.throttles import count


class PasswordChangePage(SignedInFormPage[PasswordChangeForm]):
    """Change the password: this browser stays signed in, every other device does not."""

    template_name = "password_change.html"
    form_class = PasswordChangeForm

    def act(self, form: PasswordChangeForm) -> HttpResponse:
        current, new = form.cleaned_data["current_password"], form.cleaned_data["new_password"]
        change_password(self.request, current=current, new=new)
        messages.success(self.request, "The password is changed. Every other device is signed out.")
        return redirect("account")


class ForgottenPage(FormPage[ForgottenForm]):
    """Ask for a link to choose another password; the same answer whoever has the address."""

    template_name = "password_forgotten.html"
    form_class = ForgottenForm

    def act(self, form: ForgottenForm) -> HttpResponse:
        changes.ask_for_password_link(form.cleaned_data["email"], self.client_network)
        return redirect("password-link-sent")


class LinkSentPage(Page):
    template_name = "password_link_sent.html"


class ChoosePage(FormPage[NewPasswordForm]):
    """Choose a password, after a reset or an invitation; every device is signed out."""

    template_name = "password_choose.html"
    form_class = NewPasswordForm

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        count("link", self.client_network)
        if links.user_of_password_link(**self.link) is None:
            return self.refuse()
        return super().get(request)

    def act(self, form: NewPasswordForm) -> HttpResponse:
        count("link", self.client_network)
        try:
            changes.choose_password(**self.link, new=form.cleaned_data["new_password"])
        except InvalidLinkError:
            return self.refuse()
        return redirect("password-chosen")

    def refuse(self) -> HttpResponse:
        return self.show(400, refused=InvalidLinkError.default_detail)

    def show(self, status: int = 200, **context: Any) -> HttpResponse:
        return super().show(status, **self.link, **context)

    @property
    def link(self) -> dict[str, str]:
        """What the link has: in the address when it is followed, in the form after that."""
        brought = self.request.POST or self.request.GET
        return {name: brought.get(name, "") for name in ("uid", "token")}


class ChosenPage(Page):
    template_name = "password_chosen.html"
