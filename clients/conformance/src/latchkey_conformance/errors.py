"""The errors of the program."""


class BrokenError(Exception):
    """The client does not keep a guarantee. The message says how."""


class NotApplicableError(Exception):
    """The client does not offer what the case needs, for example a store that survives."""


class ProtocolError(Exception):
    """The command does not speak the protocol, so nothing can be said about the client."""
