"""What the pages ask. Whether it is right is decided where the API's questions are, too."""

from typing import Any

from django import forms

from tokens.models.lines import validate_one_line
from tokens.models.users import MAX_LOGIN_LENGTH


def password(label: str, autocomplete: str, **options: Any) -> forms.CharField:
    """Return a field for a password, whose blanks count."""
    attributes = {"autocomplete": autocomplete}
    widget = forms.PasswordInput(attrs=attributes)
    return forms.CharField(label=label, strip=False, widget=widget, **options)


def current_password(label: str = "Your current password", **options: Any) -> forms.CharField:
    return password(label, "current-password", **options)


def new_password() -> forms.CharField:
    return password(
        "New password",
        "new-password",
        help_text="At least 8 characters. Several words are easier to remember than one odd one.",
    )


def email(label: str) -> forms.EmailField:
    widget = forms.EmailInput(attrs={"autocomplete": "email"})
    return forms.EmailField(label=label, max_length=MAX_LOGIN_LENGTH, widget=widget)


class SignInForm(forms.Form):
    username = forms.CharField(
        label="User name or e-mail address",
        widget=forms.TextInput(
            attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )
    password = current_password("Password")
    remember = forms.BooleanField(
        label="Stay signed in on this device",
        required=False,
        help_text="Not on a computer that others use, too.",
    )


class CurrentPasswordForm(forms.Form):
    current_password = current_password()


class PasswordChangeForm(forms.Form):
    current_password = current_password()
    new_password = new_password()


class NewPasswordForm(forms.Form):
    new_password = new_password()


class ForgottenForm(forms.Form):
    email = email("E-mail address of your account")


class NamesForm(forms.Form):
    first_name = forms.CharField(
        max_length=150,
        required=False,
        validators=[validate_one_line],
        widget=forms.TextInput(attrs={"autocomplete": "given-name"}),
    )
    last_name = forms.CharField(
        max_length=150,
        required=False,
        validators=[validate_one_line],
        widget=forms.TextInput(attrs={"autocomplete": "family-name"}),
    )


class EmailForm(forms.Form):
    email = email("New e-mail address")
    current_password = current_password()
