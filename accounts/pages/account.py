"""Pages of the signed-in user's account: names, e-mail address, deletion."""

from typing import Any

from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from accounts import changes, links, throttles
from accounts.browser.sign_in import caller
from accounts.errors import InvalidLinkError
from accounts.pages.forms import CurrentPasswordForm, EmailForm, NamesForm
from accounts.pages.page import DonePage, Page, SignedInFormPage
from tokens.models.bidi import isolate


class AccountPage(SignedInFormPage[NamesForm]):
    """Show the account; a form changes the first and the last name."""

    template_name = "account.html"
    form_class = NamesForm

    def initial(self) -> dict[str, Any]:
        return {"first_name": self.user.first_name, "last_name": self.user.last_name}

    def act(self, form: NamesForm) -> HttpResponse:
        who = caller(self.request)
        throttles.count_name_change(who)
        changes.change_account(who.user, form.cleaned_data, email=who.user.email)
        messages.success(self.request, _("Your name is saved."))
        return redirect("account")


class EmailChangePage(SignedInFormPage[EmailForm]):
    """Change the e-mail address. The answer is the same if another account has that address."""

    template_name = "email_change.html"
    form_class = EmailForm

    def act(self, form: EmailForm) -> HttpResponse:
        email, current = form.cleaned_data["email"], form.cleaned_data["current_password"]
        if email == self.user.email:
            form.add_error("email", _("This is the address of your account already."))
            return self.show(400, form=form)
        who = caller(self.request)
        throttles.count_current_password(who)
        changes.verify_password(who.user, current)
        throttles.count_email_change(who, email)
        changes.change_account(who.user, {}, email=email)
        sentence = _("A link is on its way to %(email)s. The address changes when you follow it.")
        messages.success(self.request, sentence % {"email": isolate(email)})
        return redirect("account")


class EmailConfirmPage(Page):
    """Confirm an e-mail address by a mailed link. A GET changes nothing: mail scanners send it."""

    http_method_names = ["get", "head", "post"]
    template_name = "email_confirm.html"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        throttles.count_link(self.client_network)
        token = request.GET.get("token", "")
        claims = links.claims_of_email_link(token)
        if claims is None:
            return self.refuse()
        return self.show(email=claims["email"], token=token)

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        throttles.count_link(self.client_network)
        try:
            changes.confirm_email(request.POST.get("token", ""))
        except InvalidLinkError:
            return self.refuse()
        if request.user.is_authenticated:
            messages.success(request, _("The e-mail address is confirmed."))
        return redirect("email-confirmed")

    def refuse(self) -> HttpResponse:
        return self.show(400, refused=InvalidLinkError.message)


class EmailConfirmedPage(DonePage):
    template_name = "email_confirmed.html"


class DeletePage(SignedInFormPage[CurrentPasswordForm]):
    """Delete the account, after the user has typed the password."""

    template_name = "account_delete.html"
    form_class = CurrentPasswordForm

    def act(self, form: CurrentPasswordForm) -> HttpResponse:
        who = caller(self.request)
        throttles.count_current_password(who)
        changes.delete_account(who.user, current=form.cleaned_data["current_password"])
        logout(self.request)
        return redirect("account-deleted")


class DeletedPage(DonePage):
    template_name = "account_deleted.html"
