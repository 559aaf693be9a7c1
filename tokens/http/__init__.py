"""What a request carries: access tokens, cookies, roles, the client's address, and throttling.

Views of any app use it. It imports tokens.service_accounts and the packages below it.
"""
