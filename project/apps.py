from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig
from django.core.checks import register

from project.checks import check_deployment, check_environment


class ProjectConfig(AppConfig):
    name = "project"

    def ready(self) -> None:
        # It imports middleware, and that models, which exist only now.
        from project.web.plain_views import check_plain_views

        register(check_environment)
        register(check_plain_views)
        register(check_deployment, deploy=True)


class SiteAdminConfig(AdminConfig):
    """Django admin with the first page of this site."""

    default_site = "project.web.admin_site.AdminSite"
