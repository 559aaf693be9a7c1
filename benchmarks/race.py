"""Twelve simultaneous callers present one refresh token: how many valid successors do they get?"""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from benchmarks.clients import Connection

CALLERS = 12


@dataclass
class Outcome:
    """What the callers got."""

    answered: int  # callers answered with 200
    distinct: int  # different refresh tokens among the answers
    valid: int  # of those, how many can be spent


def race(port: int, token: str) -> Outcome:
    """Spend the token from twelve connections at the same moment, then try every successor."""
    ready = threading.Barrier(CALLERS)

    def caller(_: int) -> tuple[int, bytes]:
        connection = Connection(port)
        ready.wait()
        answer = connection.refresh(token)
        connection.close()
        return answer

    with ThreadPoolExecutor(CALLERS) as threads:
        answers = [*threads.map(caller, range(CALLERS))]
    bodies = [body for status, body in answers if status == 200]
    successors = {json.loads(body)["refresh"] for body in bodies}
    connection = Connection(port)
    valid = [successor for successor in successors if connection.refresh(successor)[0] == 200]
    connection.close()
    return Outcome(len(bodies), len(successors), len(valid))
