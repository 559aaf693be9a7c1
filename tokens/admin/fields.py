"""Form fields of the admin that work without scripts."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib.admin.widgets import AdminTextInputWidget
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from tokens.admin.authority import held_scopes
from tokens.conf import conf
from tokens.jwt.grants import known_scopes
from tokens.models.users import find_by_login

MAX_PEOPLE = 50  # each costs a query


class NamesField(forms.MultipleChoiceField):
    """Checkboxes for a column that contains names separated by spaces."""

    widget = forms.CheckboxSelectMultiple

    def __init__(self, *, setting: str, known: Iterable[str], **options: Any) -> None:
        """Return a field of names that this setting defines: all of them are `known`."""
        super().__init__(**options)
        self.setting = setting
        self.known = {*known}

    def keep_removed(self, stored: str) -> None:
        """Offer the stored names that the setting no longer defines.

        Without them, a form that is saved for another change would remove these names.
        """
        sentence = gettext("%(name)s – no longer in the setting %(setting)s")
        removed = [name for name in dict.fromkeys(stored.split()) if name not in self.known]
        defined: Any = self.choices
        marked = [(name, sentence % {"name": name, "setting": self.setting}) for name in removed]
        self.choices = [*defined, *marked]

    def prepare_value(self, value: Any) -> Any:
        return value.split() if isinstance(value, str) else value

    def clean(self, value: Any) -> str:
        names = [str(name) for name in super().clean(value)]
        return " ".join(names)

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(self.prepare_value(initial), data)


class PeopleField(forms.CharField):
    """Users by user name or e-mail address, separated by spaces or commas."""

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, str) else _names(value)

    def clean(self, value: Any) -> list[Any]:
        words = dict.fromkeys(super().clean(value).replace(",", " ").split())
        if len(words) > MAX_PEOPLE:
            sentence = gettext("Enter at most %(limit)s people.")
            raise ValidationError(sentence % {"limit": MAX_PEOPLE})
        return [_find(word) for word in words]

    def has_changed(self, initial: Any, data: Any) -> bool:
        return _names(initial) != (data or "").strip()


def scope_field(label: str, actor: Any) -> NamesField:
    """Return the field of a service account's scopes: those that this staff user may grant."""
    choices = [(name, f"{name} – {text}") for name, text in held_scopes(actor).items()]
    note = _("A token of this account has at most these scopes.")
    if not conf().SCOPES:
        note = _(
            "A token of this account has at most these scopes. To define others, use the"
            " setting TOKEN_SCOPES."
        )
    return NamesField(
        setting="TOKEN_SCOPES",
        known=known_scopes(),
        label=label,
        choices=choices,
        required=False,
        help_text=note,
    )


def audience_field(label: str) -> NamesField:
    """Return the field of a service account's audiences."""
    choices = [(name, name) for name in conf().audiences]
    note = _(
        "The services that tokens of this account can be for, also exchanged ones. The list"
        " has the order of the setting TOKEN_AUDIENCE, and the first that you choose is the"
        " default. Without any, tokens are for this site."
    )
    return NamesField(
        setting="TOKEN_AUDIENCE",
        known=conf().audiences,
        label=label,
        choices=choices,
        required=False,
        help_text=note,
    )


def owners_field(label: str) -> PeopleField:
    """Return the field of a service account's owners."""
    note = _(
        "User names or e-mail addresses, separated by spaces. These people receive mail"
        " about the account and its secrets."
    )
    return PeopleField(label=label, required=False, help_text=note, widget=AdminTextInputWidget())


def _find(word: str) -> Any:
    user = find_by_login(word).first()
    if user is None:
        sentence = gettext("There is no user with the user name or e-mail address %(word)s.")
        raise ValidationError(sentence % {"word": word})
    return user


def _names(people: Any) -> str:
    # A link to the form for a new account can contain names: Django then passes texts.
    return " ".join(
        str(person if isinstance(person, str) else person.get_username()) for person in people or ()
    )
