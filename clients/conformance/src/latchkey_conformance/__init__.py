"""Play a Latchkey site with faults against any client, and report which guarantees hold."""
