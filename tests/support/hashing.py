"""Password hashing at a low cost, because the tests hash and verify thousands of passwords."""

from accounts.hashers import Argon2idHasher


class QuickArgon2idHasher(Argon2idHasher):
    """The site's hasher with the lowest cost that Argon2id allows."""

    memory_cost = 8
    time_cost = 1
