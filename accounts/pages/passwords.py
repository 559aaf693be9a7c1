"""Pages that change the password: with the current one, or with a mailed link.

A GET of a link changes nothing, because mail scanners open links. The secret of a link is in its
query, which Django does not log and which no form repeats in its URL.
"""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.functional import cached_property
from django.utils.translation import gettext as _

from accounts import changes, links, throttles
from accounts.browser.sign_in import change_password
from accounts.errors import InvalidLinkError
from accounts.models import User
from accounts.pages.forms import ForgottenForm, NewPasswordForm, PasswordChangeForm
from accounts.pages.page import DonePage, FormPage, Page, SignedInFormPage
from tokens.models.bidi import isolate


class PasswordChangePage(SignedInFormPage[PasswordChangeForm]):
    """Change the password: this browser stays signed in, every other device is signed out."""

    template_name = "password_change.html"
    form_class = PasswordChangeForm

    def act(self, form: PasswordChangeForm) -> HttpResponse:
        current, new = form.cleaned_data["current_password"], form.cleaned_data["new_password"]
        change_password(self.request, current=current, new=new)
        sentence = _("The password is changed. Every other device is signed out.")
        messages.success(self.request, sentence)
        return redirect("account")


class ForgottenPage(FormPage[ForgottenForm]):
    """Mail a link to choose a new password. The answer is the same for an unknown address."""

    template_name = "password_forgotten.html"
    form_class = ForgottenForm

    def act(self, form: ForgottenForm) -> HttpResponse:
        email = form.cleaned_data["email"]
        throttles.count_password_link(email, self.client_network)
        changes.ask_for_password_link(email)
        return redirect("password-link-sent")


class LinkSentPage(Page):
    template_name = "password_link_sent.html"


class ChoosePage(FormPage[NewPasswordForm]):
    """Choose a password after a reset or an invitation; this signs every device out."""

    template_name = "password_choose.html"
    form_class = NewPasswordForm

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        throttles.count_link(self.client_network)
        if self.owner is None:
            return self.refuse()
        return super().get(request)

    def act(self, form: NewPasswordForm) -> HttpResponse:
        throttles.count_link(self.client_network)
        try:
            user = changes.choose_password(**self.link, new=form.cleaned_data["new_password"])
        except InvalidLinkError:
            return self.refuse()
        if self.request.user.is_authenticated and self.user != user:
            sentence = _("The password of %(user)s is set.") % {"user": isolate(user.username)}
            messages.success(self.request, sentence)
        return redirect("password-chosen")

    def refuse(self) -> HttpResponse:
        return self.show(400, refused=InvalidLinkError.message)

    def show(self, status: int = 200, **context: Any) -> HttpResponse:
        is_new = self.owner is not None and not self.owner.has_usable_password()
        return super().show(status, is_new=is_new, **self.link, **context)

    @cached_property
    def owner(self) -> User | None:
        """The user of the link, or None if it is invalid. A new user has no password yet."""
        return links.user_of_password_link(self.link["uid"], self.link["token"])

    @property
    def link(self) -> dict[str, str]:
        """Return `uid` and `token`: from the URL of the link, or from the form that it opened."""
        source = self.request.POST or self.request.GET
        return {name: source.get(name, "") for name in ("uid", "token")}


class ChosenPage(DonePage):
    template_name = "password_chosen.html"
