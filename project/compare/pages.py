"""The page that measures the comparison and shows each row as soon as it is measured."""

import logging
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string

from project.compare.advice import advise
from project.compare.claim import THEMES
from project.compare.machine import describe_machine
from project.compare.measured import Measured
from project.compare.page import SECONDS, BusyError, DemoPage, busy, exclusive
from project.compare.report import as_json
from project.compare.results import row_of
from project.compare.run import measure

BOUNDARY = "<!-- rows -->"
log = logging.getLogger(__name__)


class ComparePage(DemoPage):
    """Measures again at every request. The page is sent in pieces, because that takes seconds.

    One run at a time is allowed in a process: other visitors receive 429.
    """

    template_name = "compare.html"
    throttle = "comparison"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        try:
            if wants_json(request):
                return self.raw_results()
            pieces = self.pieces()
            next(pieces)
        except BusyError:
            return busy(request)
        return StreamingHttpResponse(pieces)

    def head(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Measure nothing: the answer has no body."""
        return self.show(seconds=SECONDS)

    def raw_results(self) -> HttpResponse:
        with exclusive(), closing(measure()) as results:
            measured = [*results]
        return JsonResponse(as_json(measured, describe_machine()))

    def pieces(self) -> Iterator[str]:
        """Yield the parts of the page. The first one is empty: it says that the run may begin."""
        with exclusive():
            # The head has a form, whose cookie is set with the headers of the answer.
            head, _, foot = render_to_string(
                self.template_name, {"seconds": SECONDS}, self.request
            ).partition(BOUNDARY)
            yield ""
            yield head
            try:
                yield from self.rows()
            except Exception:  # The status 200 is sent already.
                log.exception("comparison_failed")
                yield self.part("failed")
            yield foot

    def rows(self) -> Iterator[str]:
        run: dict[str, Measured] = {}
        theme = ""
        with closing(measure()) as results:
            for measured in results:
                run[measured.id] = measured
                row = row_of(measured)
                title = THEMES[row.theme] if row.theme != theme else ""
                theme = row.theme
                yield self.part("row", row=row, title=title)
        yield self.part("end", advice=advise(run), machine=describe_machine())

    def part(self, name: str, **context: Any) -> str:
        return render_to_string(f"compare/{name}.html", context, self.request)


def wants_json(request: HttpRequest) -> bool:
    """Return whether the client asks for the raw results."""
    prefers = request.get_preferred_type(["text/html", "application/json"])
    return request.GET.get("format") == "json" or prefers == "application/json"
