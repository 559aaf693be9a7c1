"""The pages that people meet: each parses, calls one function and answers."""
