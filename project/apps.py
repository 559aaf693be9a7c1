from django.apps import AppConfig
from django.core.checks import register

from project.checks import check_deployment, check_environment


class ProjectConfig(AppConfig):
    name = "project"

    def ready(self) -> None:
        register(check_environment)
        register(check_deployment, deploy=True)
