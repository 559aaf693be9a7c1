"""Who you are: users, how they sign in, and what is noted when they do."""
