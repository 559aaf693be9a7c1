"""Users: how they sign in, change their account, receive mail and are managed in the admin.

Its packages use tokens to open and revoke sessions. It imports tokens, and nothing of project.
"""
