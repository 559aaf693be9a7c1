"""One's own account: names, e-mail address, and its end."""

from typing import Any

from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from rest_framework.exceptions import ValidationError

from accounts import changes, links
from accounts.browser import sign_in
from accounts.browser.sign_in import caller
from accounts.errors import InvalidLinkError
from accounts.pages.forms import CurrentPasswordForm, EmailForm, NamesForm
from accounts.pages.page import Page, SignedInFormPage
from tokens.http.throttles import count
from tokens.models.bidi import isolate


class AccountPage(SignedInFormPage[NamesForm]):
    """What is known of this account, and the names to be changed."""

    template_name = "account.html"
    form_class = NamesForm

    def initial(self) -> dict[str, Any]:
        return {"first_name": self.user.first_name, "last_name": self.user.last_name}

    def act(self, form: NamesForm) -> HttpResponse:
        caller = sign_in.caller(self.request)
        changes.change_account(caller, form.cleaned_data, email=self.user.email, current="")
        messages.success(self.request, "Your name is saved.")
        return redirect("account")


class EmailChangePage(SignedInFormPage[EmailForm]):
    """Ask for another e-mail address, with the password; the same answer if somebody has it."""

    template_name = "email_change.html"
    form_class = EmailForm

    def act(self, form: EmailForm) -> HttpResponse:
        email, current = form.cleaned_data["email"], form.cleaned_data["current_password"]
        if email == self.user.email:
            raise ValidationError({"email": ["This is the address of your account already."]})
        changes.change_account(caller(self.request), {}, email=email, current=current)
        sentence = (
            f"A link is on its way to {isolate(email)}. The address changes when you follow it."
        )
        messages.success(self.request, sentence)
        return redirect("account")


class EmailConfirmPage(Page):
    """Confirm an e-mail address by a mailed link. Looking at it does nothing: mail scanners do."""

    http_method_names = ["get", "head", "post"]
    template_name = "email_confirm.html"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        count("link", self.client_network)
        token = request.GET.get("token", "")
        claims = links.claims_of_email_link(token)
        if claims is None:
            return self.refuse()
        return self.show(email=claims["email"], token=token)

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        count("link", self.client_network)
        try:
            changes.confirm_email(request.POST.get("token", ""))
        except InvalidLinkError:
            return self.refuse()
        return redirect("email-confirmed")

    def refuse(self) -> HttpResponse:
        return self.show(400, refused=InvalidLinkError.default_detail)


class EmailConfirmedPage(Page):
    template_name = "email_confirmed.html"


class DeletePage(SignedInFormPage[CurrentPasswordForm]):
    """Delete the account, with the password: there is no way back."""

    template_name = "account_delete.html"
    form_class = CurrentPasswordForm

    def act(self, form: CurrentPasswordForm) -> HttpResponse:
        current = form.cleaned_data["current_password"]
        changes.delete_account(caller(self.request), current=current)
        logout(self.request)
        return redirect("account-deleted")


class DeletedPage(Page):
    """Say that it is done; nobody is signed in any more, and whoever is has not deleted theirs."""

    template_name = "account_deleted.html"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        return redirect("account") if request.user.is_authenticated else super().get(request)
