"""The OpenAPI description of the token endpoints. Nothing here runs while they answer.

Each operation is a decorator of a view's method. It imports tokens.http and tokens.api.serializers.
"""

from tokens.api.openapi import security  # noqa: F401  (drf-spectacular finds it by this)
