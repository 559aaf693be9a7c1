"""The form that creates a secret of a service account. Each page of the form creates one secret."""

from datetime import timedelta
from uuid import UUID, uuid4

from django import forms
from django.core import signing
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from tokens.service_accounts.accounts import DEFAULT_LIFETIME, MAX_LIFETIME

SALT = "tokens.admin.secret_form"
#: Shorter than the shortest lifetime of a secret: the row exists for as long as the page is valid.
MAX_AGE = timedelta(hours=1)


class SecretForm(forms.Form):
    """`sid` is the signed id of the session that the new secret gets.

    The ids of sessions are unique, so the database refuses a second secret from the same page.
    """

    days = forms.IntegerField(
        label=_("Lifetime in days"),
        initial=DEFAULT_LIFETIME.days,
        min_value=1,
        max_value=MAX_LIFETIME.days,
    )
    sid = forms.CharField(required=False)

    def clean_sid(self) -> UUID:
        try:
            return UUID(signing.loads(self.cleaned_data["sid"], salt=SALT, max_age=MAX_AGE))
        except signing.BadSignature as error:
            raise ValidationError(_("This page has expired. Submit the form again.")) from error


def new_sid() -> str:
    """Return a new session id for the form, signed and with the current time."""
    return signing.dumps(uuid4().hex, salt=SALT)
