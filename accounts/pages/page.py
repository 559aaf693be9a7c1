"""The base views of the pages: no browser caches a page, and a refused form shows its errors."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, Generic, TypeVar, cast

from django.contrib.auth.mixins import LoginRequiredMixin
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views import View
from django.views.decorators.cache import never_cache

from accounts.errors import RefusedInputError
from accounts.models import User
from tokens.http.client_address import client_address
from tokens.sessions.networks import client_network

F = TypeVar("F", bound=Form)


class Page(View):
    """A page that answers GET and HEAD, and that browsers must not cache."""

    http_method_names = ["get", "head"]
    template_name: str

    @classmethod
    def as_view(cls, **kwargs: Any) -> Callable[..., HttpResponseBase]:
        """Return the view. Its redirects must not be cached either."""
        return never_cache(super().as_view(**kwargs))

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        return self.show()

    def show(self, status: int = 200, **context: Any) -> HttpResponse:
        return render(self.request, self.template_name, context, status=status)

    @property
    def user(self) -> User:
        return cast("User", self.request.user)

    @property
    def client_network(self) -> str:
        """Return the network of the client: the throttles count per network."""
        return client_network(client_address(self.request))


class DonePage(Page):
    """Confirm a change to a signed-out visitor. A signed-in one is redirected to the account."""

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        return redirect("account") if request.user.is_authenticated else super().get(request)


class FormPage(Page, Generic[F]):
    """A page with a form. A refused form is a 400, so that password managers notice the failure."""

    http_method_names = ["get", "head", "post"]
    form_class: type[F]

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        return self.show(form=self.form_class(initial=self.initial()))

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        form = self.form_class(request.POST)
        if form.is_valid():
            try:
                return self.act(form)
            except RefusedInputError as refusal:
                explain(refusal, form)
        return self.show(400, form=form)

    def initial(self) -> dict[str, Any]:
        """Return the initial values of the fields."""
        return {}

    @abstractmethod
    def act(self, form: F) -> HttpResponse:
        """Carry out the valid form and return the response, or raise RefusedInputError."""


class SignedInPage(LoginRequiredMixin, Page):
    """A page for signed-in users. Other visitors are sent to sign in, and then back."""


class SignedInFormPage(LoginRequiredMixin, FormPage[F]):
    """A page with a form for signed-in users."""


def local_path(url: str) -> str:
    """Return the URL if it is a path of this site, with or without a query; otherwise ""."""
    local = url.startswith("/") and url_has_allowed_host_and_scheme(url, allowed_hosts=None)
    return url if local else ""


def explain(refusal: RefusedInputError, form: Form) -> None:
    """Add the sentences of a refusal to the field that it is about."""
    for sentence in refusal.sentences:
        form.add_error(refusal.field, sentence)
