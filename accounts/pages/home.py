"""The home page: an introduction for visitors, links for signed-in users."""

from accounts.pages.page import Page


class HomePage(Page):
    template_name = "home.html"
