"""The account endpoints: each view parses, calls one function of accounts and answers.

It imports accounts, tokens.api, tokens.http and the packages below them.
"""
