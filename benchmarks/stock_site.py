"""The other side: a site that is set up as the documentation of SimpleJWT says.

Fair to it: the applications, middleware and templates are those of `django-admin startproject`,
fewer than Latchkey has. Rotation and the blacklist are on, because without them the site could not
revoke a refresh token. HS256, which costs much less than ES256, is SimpleJWT's default and stays.
Its user has the integer key that Django gives; its tables start small, and grow with every refresh.

Fair to both: the same database engine with the same options, the same answer format, the same life
of an access token, the same secret key, a password hash of the same cost, and DEBUG off.
"""

from project import settings as latchkey

DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1"]
SECRET_KEY = latchkey.SECRET_KEY
ROOT_URLCONF = "benchmarks.stock_urls"
WSGI_APPLICATION = "project.wsgi.application"
DATABASES = latchkey.DATABASES
PASSWORD_HASHERS = ["benchmarks.hashers.SameArgon2"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
STATIC_URL = "static/"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "rest_framework_simplejwt.token_blacklist",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework_simplejwt.authentication.JWTAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
}

SIMPLE_JWT = {
    "ROTATE_REFRESH_TOKENS": True,
    "BLACKLIST_AFTER_ROTATION": True,
    "ACCESS_TOKEN_LIFETIME": latchkey.SIMPLE_JWT["ACCESS_TOKEN_LIFETIME"],
    "REFRESH_TOKEN_LIFETIME": latchkey.SIMPLE_JWT["REFRESH_TOKEN_LIFETIME"],
}
