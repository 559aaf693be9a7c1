"""The OpenAPI description of the token endpoints. No request runs this code.

Each operation is a decorator of a view's method. The package imports tokens.http and
tokens.api.serializers.
"""

from tokens.api.openapi import security  # noqa: F401  (drf-spectacular finds it by this)
