"""Compare session cookies with access tokens on this site, with calls made at that moment.

`run` measures everything: costs and storage, attacks, endings, services. `claims` says what each
number means, `results` and `advice` put it into words, and `pages` and `report` show it. Temporary
users come from `demo` and `logins`. `second` is another process of the site, and `service` another
service. The package `demonstrations` has a race and a theft.
"""
