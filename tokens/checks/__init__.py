"""What `manage.py check` says of unsafe, impossible or misspelt settings."""
