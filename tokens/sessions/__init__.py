"""Device sessions: start, rotate, re-bind, revoke and purge them.

It imports tokens.jwt and the packages below it.
"""
