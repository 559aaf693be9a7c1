"""Security events: receivers of tokens.signals that write the table Event.

No other package imports this one, except tokens.apps, which connects the receivers. Programs that
read events import the model from tokens.models.
"""
