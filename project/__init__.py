"""The site: settings, addresses, start-up, and what Latchkey answers when something is wrong."""
