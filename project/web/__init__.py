"""What all responses share: errors, headers, logs, JSON, static files and the API's document.

It imports tokens and accounts.
"""
