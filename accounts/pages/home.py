"""The first page: what this is, and where to go."""

from accounts.pages.page import Page


class HomePage(Page):
    template_name = "home.html"
