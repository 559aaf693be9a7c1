"""The hasher of the other sides: Django's, at the cost of Latchkey's."""

from django.contrib.auth.hashers import Argon2PasswordHasher

from accounts.hashers import Argon2idHasher


class SameArgon2(Argon2PasswordHasher):
    """Argon2id with the time and memory that a sign-in at Latchkey costs."""

    time_cost = Argon2idHasher.time_cost
    memory_cost = Argon2idHasher.memory_cost
    parallelism = Argon2idHasher.parallelism
