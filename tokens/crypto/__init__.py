"""Subkeys of the secret key, and the encoding of tokens.

This package uses no database. It imports only tokens.conf, signals and errors.
"""
