"""The key pairs that sign access tokens: how they are generated, stored, published and replaced.

This package imports tokens.models and the packages below it.
"""
