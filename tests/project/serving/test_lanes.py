"""The order in which threads run requests."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Lock

import pytest

from project.serving import lanes
from project.serving.hashing import may_hash
from project.serving.lanes import Lanes
from tests.support.servers import wait_until

Job = Callable[[], None]


def run(job: Job) -> None:
    job()


@pytest.mark.parametrize(
    ("method", "path", "hashes"),
    [
        ("POST", "/api/auth/login/", True),
        ("POST", "/api/account/password/", True),
        ("POST", "/api/account/password/reset/confirm/", True),
        ("PATCH", "/api/account/me/", True),
        ("DELETE", "/api/account/me/", True),
        ("POST", "/accounts/login/", True),
        ("POST", "/accounts/password/change/", True),
        ("POST", "/accounts/password/choose/", True),
        ("POST", "/accounts/email/change/", True),
        ("POST", "/accounts/delete/", True),
        ("POST", "/accounts/devices/others/end/", True),
        ("POST", "/accounts/devices/0b7e3a52-7f0e-4a8e-9a57-2f8a3c1d9e64/end/", True),
        ("POST", "/admin/login/", True),
        ("POST", "/admin/accounts/user/add/", True),
        ("GET", "/accounts/login/", False),
        ("GET", "/admin/", False),
        ("POST", "/api/auth/refresh/", False),
        ("POST", "/api/auth/logout/", False),
        ("POST", "/api/auth/verify/", False),
        ("POST", "/api/account/password/reset/", False),
        ("GET", "/healthz", False),
    ],
)
def test_requests_that_may_hash_are_recognised(method: str, path: str, hashes: bool) -> None:
    assert may_hash()(method, path) is hashes


class Crowd:
    """Jobs that run until the test stops them, with the number of running jobs of each kind."""

    def __init__(self, threads: int, jobs: int) -> None:
        self.lanes: Lanes[Job] = Lanes(threads, run)
        self.enough = Event()
        self.running = {True: 0, False: 0}
        self.most = {True: 0, False: 0, "all": 0}
        self.done = 0
        self.lock = Lock()
        self.callers = ThreadPoolExecutor(jobs)

    def bring(self, *, hashing: bool) -> None:
        def job() -> None:
            with self.lock:
                self.running[hashing] += 1
                self.most[hashing] = max(self.most[hashing], self.running[hashing])
                self.most["all"] = max(self.most["all"], sum(self.running.values()))
            self.enough.wait(30)
            with self.lock:
                self.running[hashing] -= 1
                self.done += 1

        self.callers.submit(self.lanes.enter, job, hashing=hashing)


@pytest.mark.trap(97)
@pytest.mark.parametrize(("threads", "hashing"), [(1, 1), (2, 1), (4, 3)])
def test_hashing_leaves_a_thread_for_other_requests(threads: int, hashing: int) -> None:
    crowd = Crowd(threads, jobs=20)
    for _ in range(10):
        crowd.bring(hashing=True)
    wait_until(lambda: crowd.running[True] == hashing, seconds=10)
    for _ in range(10):
        crowd.bring(hashing=False)
    wait_until(lambda: sum(crowd.running.values()) == threads, seconds=10)
    assert crowd.running == {True: hashing, False: threads - hashing}
    crowd.enough.set()
    wait_until(lambda: crowd.done == 20, seconds=10)
    assert crowd.most[True] <= hashing
    assert crowd.most["all"] == threads
    crowd.callers.shutdown()


def test_a_thread_that_continues_with_a_waiting_job_keeps_to_the_limits() -> None:
    """Guards the count of slots in `_follow`, of all threads and of those that hash."""
    queue: Lanes[Job] = Lanes(2, run)
    began, may_end = list[str](), {name: Event() for name in ("h1", "h2", "p1", "p2", "p3")}

    def job(name: str) -> Job:
        def work() -> None:
            began.append(name)
            may_end[name].wait(30)

        return work

    with ThreadPoolExecutor(2) as callers:
        for name in ("h1", "p1"):
            callers.submit(queue.enter, job(name), hashing=name == "h1")
            wait_until(lambda name=name: name in began, seconds=10)  # type: ignore[misc]
        queue.enter(job("h2"), hashing=True)
        queue.enter(job("p2"), hashing=False)
        assert queue.count_waiting() == 2
        may_end["p1"].set()
        wait_until(lambda: len(began) == 3, seconds=10)
        assert began == ["h1", "p1", "p2"]
        may_end["h1"].set()
        wait_until(lambda: began[-1] == "h2", seconds=10)
        may_end["p3"].set()
        queue.enter(job("p3"), hashing=False)
        assert began[-1] == "h2"
        assert queue.count_waiting() == 1
        for event in may_end.values():
            event.set()
    assert began[-1] == "p3"
    assert queue.count_waiting() == 0


def test_waiting_jobs_run_in_the_order_of_arrival() -> None:
    queue: Lanes[Job] = Lanes(1, run)
    began, enough, order = Event(), Event(), list[int]()

    def first() -> None:
        began.set()
        enough.wait(30)

    with ThreadPoolExecutor(1) as callers:
        callers.submit(queue.enter, first, hashing=False)
        began.wait()
        for number in range(6):
            queue.enter(lambda number=number: order.append(number), hashing=number % 2 == 0)  # type: ignore[misc]
        assert not order
        enough.set()
    assert order == [*range(6)]


def test_a_failed_job_frees_its_thread() -> None:
    queue: Lanes[Job] = Lanes(1, run)

    def fail() -> None:
        raise ZeroDivisionError

    for hashing in (True, False):
        with pytest.raises(ZeroDivisionError):
            queue.enter(fail, hashing=hashing)
    ran = list[bool]()
    queue.enter(lambda: ran.append(True), hashing=True)
    assert ran == [True]


def test_jobs_that_wait_too_long_to_hash_are_removed() -> None:
    queue: Lanes[Job] = Lanes(1, run)
    began, enough, ran = Event(), Event(), list[str]()

    def first() -> None:
        began.set()
        enough.wait(30)

    def late() -> None:
        ran.append("late")

    def soon() -> None:
        ran.append("soon")

    with ThreadPoolExecutor(1) as callers:
        callers.submit(queue.enter, first, hashing=True)
        began.wait()
        queue.enter(late, hashing=True)
        queue.enter(soon, hashing=False)
        waited = time.monotonic() + lanes.PATIENCE
        assert queue.expired(waited - 1) == []
        assert queue.expired(waited) == [late]
        assert queue.expired(waited) == []
        queue.enter(soon, hashing=True)
        enough.set()
    assert ran == ["soon", "soon"]
