"""Demonstrate rotation with calls of the site: a race, and the owner and a thief of one token."""
