"""Browsers that are signed in with a cookie: their middleware, sign-in and session data.

Each is a device session of tokens. Only pages and the admin use it.
"""
