"""Dates in English: 29 November 2026, 16:55 UTC."""

DATE_FORMAT = "j F Y"
DATETIME_FORMAT = "j F Y, H:i e"
SHORT_DATE_FORMAT = "j M Y"
SHORT_DATETIME_FORMAT = "j M Y, H:i e"
TIME_FORMAT = "H:i"
MONTH_DAY_FORMAT = "j F"
