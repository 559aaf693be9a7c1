"""Management commands, and what they print.

Nothing but the commands imports it. It imports anything below tokens.api.
"""
