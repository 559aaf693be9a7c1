"""How long we go on believing it: device sessions, their tokens, rotation and revocation."""
