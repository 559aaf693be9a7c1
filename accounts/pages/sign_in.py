"""The pages to sign in with a password and to sign out."""

from typing import Any

from django.contrib.auth import authenticate, logout
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url

from accounts.browser.sign_in import SignInOvertakenError, sign_in
from accounts.errors import SignInRefusedError
from accounts.models import User
from accounts.pages.forms import SignInForm
from accounts.pages.page import FormPage, Page, local_path
from tokens.http.client_address import client_address
from tokens.http.throttles import count_sign_in


class SignInPage(FormPage[SignInForm]):
    """Sign in, and redirect to the page that the visitor wanted to see."""

    template_name = "sign_in.html"
    form_class = SignInForm

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        return redirect(self.next) if request.user.is_authenticated else super().get(request)

    def act(self, form: SignInForm) -> HttpResponse:
        name, password = form.cleaned_data["username"], form.cleaned_data["password"]
        count_sign_in(name, client_address(self.request))
        user = authenticate(self.request, username=name, password=password)
        if not isinstance(user, User):
            raise SignInRefusedError
        try:
            sign_in(self.request, user, remember=form.cleaned_data["remember"])
        except SignInOvertakenError as overtaken:
            raise SignInRefusedError from overtaken
        return redirect(self.next)

    def show(self, status: int = 200, **context: Any) -> HttpResponse:
        return super().show(status, next=self.next, **context)

    @property
    def next(self) -> str:
        """Return the page to redirect to. It is always a path of this site."""
        wanted = self.request.POST.get("next", self.request.GET.get("next", ""))
        return local_path(wanted) or resolve_url("home")


class SignOutPage(Page):
    """Sign out by POST. GET shows the button, or confirms that the visitor is signed out.

    If the form has `next`, the visitor then signs in again for that page.
    """

    http_method_names = ["get", "head", "post"]
    template_name = "sign_out.html"

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        logout(request)
        after = local_path(request.POST.get("next", ""))
        return redirect_to_login(after) if after else redirect("logout")
