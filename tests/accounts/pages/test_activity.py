"""People see their own events on a page, the newest first."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from accounts.pages.activity import ADVICE, SENTENCES, SIGNED_OUT
from tests.accounts.conftest import AdminPages
from tests.conftest import API, Answer, Clock
from tests.support.people import Person, signed_in
from tokens.models import Event, EventKind, Reason

pytestmark = pytest.mark.django_db

PATH = "/accounts/activity/"


def words(answer: Answer) -> str:
    """Return the text of the main column without tags, marks and repeated spaces."""
    main = answer.text.partition("<main")[2].partition("</main>")[0]
    return " ".join(re.sub(r"<[^>]*>|[\u2068\u2069]", " ", main).split())


def fill(user: User, count: int) -> None:
    now = timezone.now() - timedelta(days=1)
    Event.objects.bulk_create(
        Event(kind=EventKind.SIGN_IN, user=user, device=f"phone {number}", created_at=now)
        for number in range(count)
    )


def test_the_page_lists_what_happened(api: API, alice: User, clock: Clock) -> None:
    api.login(alice, "phone")
    for _ in range(3):
        api.post("login/", {"username": "alice", "password": "eight wet otters"})
    person = signed_in(alice)
    person.post("", first_name="Alice")
    text = words(person.client.get(PATH))
    assert "Your user name, first name or last name was changed." in text
    failed = r"failed. \(3 times\) Was this you\? At \d\d:\d\d UTC , IP address 127.0.0.1"
    assert re.search(failed, text)
    assert "A new device signed in." in text
    assert "phone" in text
    assert text.index("Your user name") < text.index("Firefox on Linux") < text.index("phone")


def test_the_page_shows_no_events_of_others(alice: User, bob: User) -> None:
    fill(bob, 1)
    assert "phone 0" not in signed_in(alice).client.get(PATH).text


def test_older_events_are_on_other_pages(alice: User) -> None:
    fill(alice, 60)
    person = signed_in(alice)
    first = person.client.get(PATH)
    assert first.text.count("<li>") + first.text.count('<li class="alarming">') >= 50
    older = re.search(r'href="(\?before=\d+)">Older events', first.text)
    assert older
    second = person.client.get(PATH + older[1])
    assert "phone 0" in words(second)
    assert "phone 59" in words(first)
    assert "phone 59" not in words(second)
    assert "Newest events" in second.text
    assert "Older events" not in second.text


def test_a_page_beyond_the_last_says_so(alice: User) -> None:
    assert "There are no older events." in signed_in(alice).client.get(f"{PATH}?before=1").text


@pytest.mark.parametrize("before", ["x", "-1", "1.5", "9" * 19, "9" * 400, "²", "\0", "1 or 1"])
def test_an_impossible_page_is_refused(alice: User, before: str) -> None:
    person = signed_in(alice)
    assert person.client.get(PATH, {"before": before}).status_code == 400


def test_a_change_by_an_administrator_is_marked(
    client: Client, alice: User, settings: object
) -> None:
    carol = User.objects.create(username="carol", is_staff=True, is_superuser=True)
    client.force_login(carol)
    admin = AdminPages(client, carol)
    person = signed_in(alice)
    Event.objects.all().delete()
    assert admin.change(alice, first_name="Alicia").status_code == 302
    text = words(person.client.get(PATH))
    assert "last name was changed. By an administrator" in text
    assert "IP address" not in text
    assert "carol" not in text


@pytest.mark.parametrize("kind", [EventKind.TOKEN_BLACKLISTED, EventKind.SESSION_ENDED])
def test_the_page_names_the_administrator_once(alice: User, bob: User, kind: EventKind) -> None:
    about = {"reason": "admin", "actor": bob, "created_at": timezone.now()}
    Event.objects.create(kind=kind, user=alice, **about)
    text = words(signed_in(alice).client.get(PATH))
    assert f"{SENTENCES[kind]} By an administrator At" in text
    assert text.count("administrator") == 1


def test_each_event_of_a_person_has_plain_sentences(alice: User) -> None:
    """A person who reads the page need not know what a token is."""
    never = {kind for kind in EventKind if kind.name.startswith(("SECRET", "KEY", "DELETED"))}
    assert SENTENCES.keys() == set(EventKind) - never
    now = timezone.now()
    Event.objects.bulk_create(
        Event(kind=kind, reason=reason, user=alice, created_at=now)
        for kind in SENTENCES
        for reason in (["", *Reason] if kind == EventKind.SESSION_ENDED else [""])
    )
    text = words(signed_in(alice).client.get(PATH))
    for sentence in (*SENTENCES.values(), *SIGNED_OUT.values(), *ADVICE.values()):
        assert str(sentence) in text
    technical = "token|session|client|database|blacklist|secret|revoke|credential|spent"
    assert not re.search(technical, text, re.IGNORECASE)


def test_a_label_cannot_change_the_page(api: API, alice: User) -> None:
    api.login(alice, "<b>phone</b>")
    text = signed_in(alice).client.get(PATH).text
    assert "&lt;b&gt;phone&lt;/b&gt;" in text
    assert "<b>phone" not in text


def test_the_account_leads_to_the_page(alice: User) -> None:
    person: Person = signed_in(alice)
    for page in ("/", "/accounts/"):
        assert f'href="{PATH}"' in person.client.get(page).text
