"""Device sessions: issue, rotate and revoke tokens.

The packages are layers; each imports only from those below it: management and admin, api, http,
sessions and revocation, jwt, keys, models, crypto. The user is known only as AUTH_USER_MODEL.
"""
