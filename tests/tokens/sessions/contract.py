"""One session as the HTTP contract describes it, written without the code of the site."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

from tokens.models import Reason

GRACE, RETRY_WINDOW = timedelta(seconds=30), timedelta(hours=24)
IDLE, ABSOLUTE, LEEWAY = timedelta(days=14), timedelta(days=90), timedelta(seconds=10)


class Told(Enum):
    """The possible answers to a refresh."""

    NEW = "a successor"
    SAME = "what was given before"
    CONFLICT = "already_rotated"
    REFUSED = "token_not_valid"


@dataclass(eq=False)
class Line:
    """One session as the contract describes it: the tokens that were and may be issued."""

    session: str
    keyed: bool
    credentials: int  # number of alice's password changes when it began
    begun: datetime
    given: dict[int, str]
    expires: dict[int, datetime] = field(default_factory=dict)
    generation: int = 1
    key: str | None = None
    reason: Reason | None = None
    reuses: int = 0
    store: int = 1  # the generation that the owner stores
    tabs: list[int] = field(
        default_factory=lambda: [1, 1]
    )  # the generation that each tab remembers
    thief_has_spent: bool = False

    def __post_init__(self) -> None:
        self.rotate(self.begun)

    def rotate(self, now: datetime) -> None:
        self.rotated_at = now
        self.runs_out = min(now + IDLE, self.begun + ABSOLUTE)
        self.expires[self.generation] = self.runs_out

    def spend(self, generation: int, key: str | None, now: datetime, fault: Reason | None) -> Told:
        """Record a refresh with this generation, and return the answer that the contract requires.

        `fault` is why alice cannot sign in as she did when the session began, if she cannot.
        """
        if self.reason or now >= self.runs_out or now >= self.expires[generation] + LEEWAY:
            return Told.REFUSED
        if fault:
            self.reason = fault
            return Told.REFUSED
        if generation == self.generation:
            self.generation, self.key = generation + 1, key
            self.rotate(now)
            return Told.NEW
        if generation == self.generation - 1:
            age = now - self.rotated_at
            again = GRACE if self.key is None else RETRY_WINDOW
            if self.key == key:
                if age < again:
                    return Told.SAME
            elif age < GRACE:
                return Told.CONFLICT
        self.reason, self.reuses = Reason.REUSE, self.reuses + 1
        return Told.REFUSED
