"""The QuerySet that all tables share."""

from typing import TypeVar

from django.db import models

Row = TypeVar("Row", bound=models.Model)


class CurrentQuerySet(models.QuerySet[Row]):
    """Reads rows from the database that writes go to: a replica may not know a revocation yet."""

    @property
    def db(self) -> str:
        self._for_write = True
        return super().db
