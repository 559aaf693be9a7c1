"""The OAuth endpoints: token, revocation and introspection, one module per RFC or grant.

It imports tokens.http, tokens.service_accounts and the packages below them.
"""
