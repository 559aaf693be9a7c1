"""Device sessions: start, rotate, re-bind, revoke and purge them.

It imports tokens.revocation and the packages below it.
"""
