"""The words that can be the result of a row instead of a number, and their translations."""

from django.utils.translation import gettext_lazy as _

YES, NO = "yes", "no"
SAME_HOST = "same host only"
REFUSED, DONE = "refused", "done"
WORKS_ON = "still works"
CANNOT_VERIFY = "cannot verify"
TOO_LONG = "more than 9 s"
NO_KEY = "no key"
DETECTED, UNDETECTED = "detected", "not detected"

TRANSLATED = {
    YES: _("yes"),
    NO: _("no"),
    SAME_HOST: _("same host only"),
    REFUSED: _("refused"),
    DONE: _("done"),
    WORKS_ON: _("still works"),
    CANNOT_VERIFY: _("cannot verify"),
    TOO_LONG: _("more than 9 s"),
    NO_KEY: _("no key"),
    DETECTED: _("detected"),
    UNDETECTED: _("not detected"),
}
