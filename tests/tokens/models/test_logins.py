"""Tries are counted under one text for every spelling that finds the same account."""

import sys

import pytest
from django.db import connection

from accounts.models import User
from tokens.models.users import MAX_LOGIN_LENGTH, find_by_login, fold_login

LETTERS = [chr(number) for number in range(sys.maxunicode) if chr(number).isalpha()]


def lowered(texts: list[str]) -> list[str]:
    """Return the texts as the database writes them in lower case."""
    found = list[str]()
    with connection.cursor() as cursor:
        for begin in range(0, len(texts), 500):
            some = texts[begin : begin + 500]
            marks = ", ".join(["LOWER(%s)"] * len(some))
            cursor.execute(f"SELECT {marks}", some)
            found += cursor.fetchone()
    return found


@pytest.mark.django_db
def test_letters_that_the_database_takes_for_one_are_counted_as_one() -> None:
    wrong = [
        (letter, small)
        for letter, small in zip(LETTERS, lowered(LETTERS), strict=True)
        if fold_login(letter) != fold_login(small)
    ]
    assert wrong == []


@pytest.mark.trap(45)
@pytest.mark.django_db
@pytest.mark.parametrize("name", ["LIVIA", "lİvia", "livıa"])
def test_every_spelling_of_an_address_is_counted_as_one(name: str) -> None:
    User.objects.create(username="livia", email="livia@example.org")
    assert find_by_login("LIVIA@EXAMPLE.ORG").exists()
    assert fold_login(f"{name}@example.org") == fold_login("livia@example.org")


@pytest.mark.django_db
def test_the_longest_address_is_found() -> None:
    address = f"livia@{'b' * (MAX_LOGIN_LENGTH - len('livia@.org'))}.org"
    User.objects.create(username="livia", email=address)
    assert find_by_login(address).exists()
    assert not find_by_login(address + "a").exists()


@pytest.mark.parametrize(
    "spelling",
    ["a@EXAMPLE.net", "a@ｅxample.net", "a@exa\u00admple.net", "a@example。net"],
    ids=ascii,
)
def test_a_domain_is_counted_as_mail_is_sent_to_it(spelling: str) -> None:
    assert fold_login(spelling) == "a@example.net"


@pytest.mark.parametrize(
    "login", ["", "@", "a@", "@b", "a@b@c", "a@..", f"a@{'b' * 70}.org", "\0"], ids=ascii
)
def test_a_text_that_is_no_login_is_counted_too(login: str) -> None:
    assert isinstance(fold_login(login), str)


def test_different_logins_are_counted_separately() -> None:
    logins = ["alice", "bob", "josé", "jose", "a@example.org", "b@example.org", "a@example.net"]
    assert len({*map(fold_login, logins)}) == len(logins)
