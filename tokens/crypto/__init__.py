"""Subkeys of the secret key, and the encoding of tokens.

It knows no database and no token. It imports only tokens.conf, signals and errors.
"""
