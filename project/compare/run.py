"""One run of the comparison: every measurement, on temporary users."""

from contextlib import ExitStack, closing

from project.compare.attacks import measure_attacks
from project.compare.calls import Socket
from project.compare.costs import measure_bytes, measure_calls, measure_refreshes
from project.compare.endings import CHANGES, measure_endings
from project.compare.logins import demo_person
from project.compare.measured import Results
from project.compare.second import second_process
from project.compare.services import (
    measure_database_outage,
    measure_rotation,
    measure_services,
    measure_site_outage,
    new_service,
)
from project.compare.storage import measure_storage


def measure() -> Results:
    """Yield each result as soon as it is there. Close the iterator to remove what it created."""
    with ExitStack() as stack:
        second = stack.enter_context(second_process())  # It starts during the next measurements.
        person, victim = (stack.enter_context(demo_person()) for _ in range(2))
        logins = person.sign_in_all()
        yield from measure_storage(logins)
        second.wait()
        site = stack.enter_context(closing(Socket(second.port)))
        yield from measure_bytes(logins, site)
        yield from measure_calls(logins)
        yield from measure_refreshes(person)
        yield from measure_attacks(victim, site)
        service = new_service(second.port)
        people = [stack.enter_context(demo_person()) for _ in CHANGES]
        yield from measure_endings(people, second.port, service)
        yield from measure_services(logins, service)
        yield from measure_rotation(second)
        yield from measure_database_outage(logins, second)
        yield from measure_site_outage(logins, second, service)
