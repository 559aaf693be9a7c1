"""An app of a project that uses tokens with a user model whose user name is an e-mail address."""
