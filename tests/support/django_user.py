"""The settings of a project that uses tokens with Django's own user model."""

from project import settings

SIMPLE_JWT = settings.SIMPLE_JWT
TOKENS = {**settings.TOKENS, "STATUS_LIST": False}
SECRET_KEY = "of a test"
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "rest_framework", "tokens"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["tokens.http.authentication.BearerAuthentication"]
}
AUTHENTICATION_BACKENDS = ["tokens.http.backends.PasswordBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.ScryptPasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
ROOT_URLCONF = "tokens.urls"
