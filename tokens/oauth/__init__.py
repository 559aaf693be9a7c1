"""The OAuth endpoints: token, revocation and introspection, one module per RFC or grant.

It imports tokens.api and the packages below it.
"""
