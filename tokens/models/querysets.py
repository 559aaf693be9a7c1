"""The query set that all tables share."""

from typing import TypeVar

from django.db import models

Row = TypeVar("Row", bound=models.Model)


class CurrentQuerySet(models.QuerySet[Row]):
    """Rows read where they are written: a replica may not have heard of an ending yet."""

    @property
    def db(self) -> str:
        self._for_write = True
        return super().db
