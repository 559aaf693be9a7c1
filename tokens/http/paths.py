"""The paths that programs call. All other paths are pages for people."""

API = "/api/"
OAUTH = "/oauth/"
#: Their bodies have a limited size, and no cache may store their answers.
PRIVATE = (API, OAUTH)
API_PREFIXES = (*PRIVATE, "/.well-known/")
