"""Service accounts: programs that authenticate with a secret instead of a person's password.

It imports tokens.jwt and the packages below it, and tokens.revocation for its snapshot.
"""
