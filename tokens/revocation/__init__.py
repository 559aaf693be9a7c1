"""Tell verifiers of revoked sessions and tokens: snapshot, blacklist and status lists.

It imports tokens.jwt and the packages below it, and nothing of HTTP.
"""
