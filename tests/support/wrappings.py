"""Texts in which people copy a token."""

#: Each text contains a token.
WRAPPINGS = [
    "{}",
    "Bearer {}",
    "bearer  {}\n",
    '"{}"',
    "'{}',",
    "`{}`",
    'Authorization: Bearer "{}";',
    '{{"access": "{}"}}',
    '  "refresh": "{}",',
    "curl -H 'Authorization: Bearer {}' https://id.example.org",
    "Cookie: csrftoken=x; __Host-access={}; Path=/",
    "https://id.example.org/?token={}&next=/",
    "<{}>",
    "({}).",
    "“{}”",
    "\ufeff{}",
    "this one: {} is mine",
    "JWT {}",
    "eyJhbGciOiJub25lIn0.e30.x {}",
]
