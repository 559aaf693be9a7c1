"""The site: settings, URLs, checks, the processes that serve it and what all responses share.

It imports accounts and tokens; nothing imports it.
"""
