"""Service accounts: programs that authenticate with a secret instead of a person's password.

It imports tokens.sessions and the packages below it.
"""
