"""Device sessions: begin, rotate, re-bind, end and purge them.

It imports tokens.jwt and what is below.
"""
