"""Browsers that sign in with a cookie: their middleware, sign-in and session data.

Each signed-in browser has a device session of tokens. The pages and the admin use this package.
"""
