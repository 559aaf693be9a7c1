"""What the pages share: no browser keeps them, and a refused form says why beside its fields."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, Generic, TypeVar, cast

from django.contrib.auth.mixins import LoginRequiredMixin
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views import View
from django.views.decorators.cache import never_cache
from rest_framework.exceptions import ValidationError

from accounts.models import User
from tokens.http.client_address import client_address, client_network

F = TypeVar("F", bound=Form)


class Page(View):
    """A page that may only be looked at, and that nobody may keep."""

    http_method_names = ["get", "head"]
    template_name: str

    @classmethod
    def as_view(cls, **kwargs: Any) -> Callable[..., HttpResponseBase]:
        """Return the view; not even where it leads to is kept."""
        return never_cache(super().as_view(**kwargs))

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        return self.show()

    def show(self, status: int = 200, **context: Any) -> HttpResponse:
        return render(self.request, self.template_name, context, status=status)

    @property
    def user(self) -> User:
        return cast("User", self.request.user)

    @property
    def client_network(self) -> str:
        """What is counted as the address that the request came from."""
        return client_network(client_address(self.request))


class FormPage(Page, Generic[F]):
    """A page with a form. Refused, it is 400, by which password managers tell a wrong password."""

    http_method_names = ["get", "head", "post"]
    form_class: type[F]

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        return self.show(form=self.form_class(initial=self.initial()))

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        form = self.form_class(request.POST)
        if form.is_valid():
            try:
                return self.act(form)
            except ValidationError as refusal:
                explain(refusal, form)
        return self.show(400, form=form)

    def initial(self) -> dict[str, Any]:
        """Return what the fields hold before anybody has typed."""
        return {}

    @abstractmethod
    def act(self, form: F) -> HttpResponse:
        """Do what the form asks and answer, or raise ValidationError."""


class SignedInPage(LoginRequiredMixin, Page):
    """A page for those who are signed in; others sign in first and are led back."""


class SignedInFormPage(LoginRequiredMixin, FormPage[F]):
    """The same with a form."""


def path_of_ours(asked: str) -> str:
    """Return what was asked for if it is a path of this site, which may have a query, or ""."""
    ours = asked.startswith("/") and url_has_allowed_host_and_scheme(asked, allowed_hosts=None)
    return asked if ours else ""


def explain(refusal: ValidationError, form: Form) -> None:
    """Put the sentences of a refusal beside the fields that they are about."""
    for name, sentences in cast("dict[str, list[str]]", refusal.detail).items():
        for sentence in sentences:
            form.add_error(name, str(sentence))
