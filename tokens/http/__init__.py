"""What a request carries: access tokens, cookies, roles, the client's address, and throttling.

Views of any app use it. It imports tokens.sessions, tokens.revocation and the packages below them.
"""
