"""The forms of the pages. accounts.changes checks the values, as it does for the API."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import INVALID_EMAIL
from tokens.models.lines import validate_one_line
from tokens.models.users import MAX_LOGIN_LENGTH

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise


def password(label: "str | _StrPromise", autocomplete: str, **options: Any) -> forms.CharField:
    """Return a field for a password, which keeps leading and trailing spaces."""
    attributes = {"autocomplete": autocomplete}
    widget = forms.PasswordInput(attrs=attributes)
    return forms.CharField(label=label, strip=False, widget=widget, **options)


def current_password(label: "str | _StrPromise | None" = None, **options: Any) -> forms.CharField:
    return password(label or _("Your current password"), "current-password", **options)


def new_password() -> forms.CharField:
    return password(
        _("New password"),
        "new-password",
        help_text=_("At least 8 characters. Several words are easy to remember and hard to guess."),
    )


def email(label: "str | _StrPromise") -> forms.EmailField:
    widget = forms.EmailInput(attrs={"autocomplete": "email"})
    errors = {"invalid": INVALID_EMAIL}
    return forms.EmailField(
        label=label, max_length=MAX_LOGIN_LENGTH, widget=widget, error_messages=errors
    )


class SignInForm(forms.Form):
    username = forms.CharField(
        label=_("User name or e-mail address"),
        widget=forms.TextInput(
            attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )
    password = current_password(_("Password"))
    remember = forms.BooleanField(
        label=_("Stay signed in on this device"),
        required=False,
        help_text=_("Do not select this on a computer that other people use."),
    )


class CurrentPasswordForm(forms.Form):
    current_password = current_password()


class PasswordChangeForm(forms.Form):
    current_password = current_password()
    new_password = new_password()


class NewPasswordForm(forms.Form):
    new_password = new_password()


class ForgottenForm(forms.Form):
    email = email(_("E-mail address of your account"))


class NamesForm(forms.Form):
    first_name = forms.CharField(
        label=_("First name"),
        max_length=150,
        required=False,
        validators=[validate_one_line],
        widget=forms.TextInput(attrs={"autocomplete": "given-name"}),
    )
    last_name = forms.CharField(
        label=_("Last name"),
        max_length=150,
        required=False,
        validators=[validate_one_line],
        widget=forms.TextInput(attrs={"autocomplete": "family-name"}),
    )


class EmailForm(forms.Form):
    email = email(_("New e-mail address"))
    current_password = current_password()
