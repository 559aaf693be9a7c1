"""The key pairs that sign access tokens: how they are made, stored, published and replaced.

It imports tokens.models and what is below.
"""
