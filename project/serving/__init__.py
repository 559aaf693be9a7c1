"""Start the processes: check everything, then keep the server and the worker running.

It imports the site only after the settings exist.
"""
