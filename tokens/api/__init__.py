"""The endpoints that issue, refresh, verify and revoke tokens, and their OpenAPI description.

It imports tokens.http and the packages below it.
"""
