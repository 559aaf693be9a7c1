"""The cases. A case is a function that takes a Play, and shows a part of one guarantee."""

from latchkey_conformance.cases import answers, endings, losses, sharing, thieves
from latchkey_conformance.play import Case

#: The cases by guarantee. The docstring of a case is its name in the report.
GUARANTEES: dict[str, list[Case]] = {
    "All callers refresh together": sharing.CASES,
    "A lost answer costs no session": losses.LOST,
    "A kill at any moment costs no session": losses.KILLED,
    "A busy or broken site costs no session": answers.CASES,
    "A sign-out is final": endings.CASES,
    "A thief is detected": thieves.CASES,
}
