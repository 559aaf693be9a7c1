"""Mail: a queue in the database, the text of each kind of mail, and the notices to owners.

It imports accounts.models, accounts.links and tokens.
"""
