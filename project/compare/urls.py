"""The addresses of the comparison and of the demonstrations."""

from django.urls import path

from project.compare.caller import CallerView
from project.compare.demonstrations.pages import RacePage, TheftPage
from project.compare.pages import ComparePage

urlpatterns = [
    path("", ComparePage.as_view(), name="compare"),
    path("caller/", CallerView.as_view()),
    path("race/", RacePage.as_view(), name="race"),
    path("theft/", TheftPage.as_view(), name="theft"),
]
