"""What verifiers learn about revoked sessions and tokens: snapshot, blacklist and status lists.

It imports tokens.jwt and what is below, and nothing of HTTP.
"""
