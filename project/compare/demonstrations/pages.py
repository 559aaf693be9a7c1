"""The pages on which the site demonstrates itself: a race, and a thief."""

from abc import abstractmethod
from dataclasses import asdict
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext_lazy

from project.compare.demonstrations import race, theft
from project.compare.demonstrations.story import Actor, Outcome
from project.compare.demonstrations.timeline import timeline
from project.compare.demonstrations.together import CALLERS
from project.compare.page import BusyError, DemoPage, busy, exclusive
from tokens.conf import conf
from tokens.models import Reason

#: The races of the page in their order: the field of `Races`, and the title.
TITLES = {
    "without_key": gettext_lazy("Without a key"),
    "look_then_write": gettext_lazy("Where callers look, then write"),
    "shared_key": gettext_lazy("With the same key"),
    "own_keys": gettext_lazy("With a different key each"),
}
STORIES = {
    "with_key": gettext_lazy("With a retry key"),
    "without_key": gettext_lazy("Without a retry key"),
    "too_late": gettext_lazy("Too late"),
    "restored": gettext_lazy("After a restore"),
}
ACTORS = {
    Actor.OWNER: gettext_lazy("The owner"),
    Actor.THIEF: gettext_lazy("The thief"),
    Actor.OPERATOR: gettext_lazy("The operator"),
}
OUTCOMES = {
    Outcome.ROTATED: gettext_lazy("The site has issued a new token."),
    Outcome.AGAIN: gettext_lazy("The site has sent the same refresh token again, byte for byte."),
    Outcome.CONTENDED: gettext_lazy(
        "No token. The session continues, and the security events count the attempt."
    ),
    Outcome.REVOKED: gettext_lazy(
        "No token. Two people have the spent token, so the site has ended the session."
    ),
    Outcome.ENDED: gettext_lazy("No token. The session had already ended."),
    Outcome.OUT_OF_STEP: gettext_lazy(
        "No token. It is newer than the database: the site reports it and ends nothing."
    ),
    Outcome.UNANSWERED: gettext_lazy("No token. The site was too busy; the session continues."),
}


class Demonstration(DemoPage):
    """A page that runs its demonstration for each request. `?format=json` is the raw result.

    A process has one demonstration at a time, so that visitors never use up its threads.
    """

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        try:
            with exclusive():
                result = self.run()
        except BusyError:
            return busy(request)
        if request.GET.get("format") == "json":
            return JsonResponse(asdict(result))
        return self.show(result=result, **self.explain(result))

    @abstractmethod
    def run(self) -> Any:
        """Run the demonstration and return its result, which is a dataclass."""

    @abstractmethod
    def explain(self, result: Any) -> dict[str, Any]:
        """Return what else the template needs."""


class RacePage(Demonstration):
    """Races refreshes of one token."""

    template_name = "race.html"

    def run(self) -> race.Races:
        return race.run()

    def explain(self, result: race.Races) -> dict[str, Any]:
        charts = [
            {
                "name": name,
                "title": title,
                "race": getattr(result, name),
                "timeline": timeline(getattr(result, name)),
            }
            for name, title in TITLES.items()
        ]
        return {
            "charts": charts,
            "callers": CALLERS,
            "grace": int(conf().GRACE_PERIOD.total_seconds()),
        }


class TheftPage(Demonstration):
    """Plays the owner and a thief of one token, and shows every answer."""

    template_name = "theft.html"

    def run(self) -> theft.Stories:
        return theft.run()

    def explain(self, result: theft.Stories) -> dict[str, Any]:
        stories = [
            {
                "name": name,
                "title": title,
                "steps": [
                    {
                        "step": step,
                        "actor": ACTORS[step.actor],
                        "outcome": OUTCOMES[step.call.outcome] if step.call else "",
                        "reason": Reason(step.revoked_reason).label if step.revoked_reason else "",
                    }
                    for step in getattr(result, name)
                ],
            }
            for name, title in STORIES.items()
        ]
        return {"stories": stories, "grace": int(conf().GRACE_PERIOD.total_seconds())}
