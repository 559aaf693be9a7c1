"""Device sessions: issue, rotate and revoke tokens.

The packages are layers; each imports only from those below it: management, admin and events, oauth,
api, http, service_accounts, sessions, revocation, jwt, keys, models, crypto. The user is known only
as AUTH_USER_MODEL.
"""
