from django.apps import AppConfig
from django.conf import settings
from django.contrib.admin.apps import AdminConfig
from django.core.cache import BaseCache, caches, close_caches
from django.core.checks import register
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, reset_queries

from project.checks import check_deployment, check_environment
from project.directories import check_writable


class ProjectConfig(AppConfig):
    name = "project"

    def ready(self) -> None:
        # They import models, which exist only now.
        from project import connections
        from project.web.plain_views import check_plain_views

        register(check_environment)
        register(check_writable)
        register(check_plain_views)
        register(check_deployment, deploy=True)
        # Each request closes old connections when it ends, so the next one need not look for them,
        # which would take as long as reading its token. Only DEBUG keeps a list of queries.
        request_started.disconnect(close_old_connections)
        request_finished.disconnect(close_old_connections)
        request_finished.connect(connections.close_old_connections)
        if not settings.DEBUG:
            request_started.disconnect(reset_queries)
        # A request need not close caches that have nothing to close.
        if all(type(cache).close is BaseCache.close for cache in caches.all()):
            request_finished.disconnect(close_caches)


class SiteAdminConfig(AdminConfig):
    """Django admin with the first page of this site."""

    default_site = "project.web.admin_site.AdminSite"
