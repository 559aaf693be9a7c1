"""What people recognise a device by, as everything that tokens show calls it."""

from tokens.user_agents import friendly_name

__all__ = ["friendly_name"]
