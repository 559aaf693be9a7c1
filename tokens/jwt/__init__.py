"""Access and refresh tokens: their claims, how they are signed, and how they are recognised.

Nothing here decides whether a session is still valid. It imports tokens.keys and the packages
below it.
"""
