"""The pages of the site: each view parses a form, calls one function of accounts and answers.

It imports accounts.browser, accounts.changes and the layers below them, and tokens.http.
"""
