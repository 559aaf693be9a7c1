"""A developer's added code makes no shipped test or check fail."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.support.site import ROOT

COPIED = [
    *("manage.py", "pyproject.toml", "README.md", ".env.example", "docs", "static", "templates"),
    *("project", "accounts", "tokens", "tests", "clients/verifier/src"),
]
#: An app as a developer writes one, without annotations and documents. The copy also has the apps
#: of a real developer, so this one has names that they are unlikely to have.
APP = {
    "added_shop/__init__.py": "",
    "added_shop/models.py": """
from django.conf import settings
from django.db import models

class Order(models.Model):
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    title = models.CharField(max_length=100)

    def __str__(self):
        return self.title
""",
    "added_shop/admin.py": """
from django.contrib import admin
from added_shop.models import Order
admin.site.register(Order)
""",
    "added_shop/views.py": """
from django.http import JsonResponse
from rest_framework import serializers, viewsets
from rest_framework.views import APIView
from added_shop.models import Order
from tokens.http.permissions import has_scope

class OrderSerializer(serializers.ModelSerializer):
    class Meta:
        model = Order
        fields = ["id", "title"]

class OrderViewSet(viewsets.ModelViewSet):
    queryset = Order.objects.all()
    serializer_class = OrderSerializer

class StockView(APIView):
    permission_classes = [has_scope("stock:read")]

    def get(self, request):
        return JsonResponse({})

def ping(request):
    return JsonResponse({})
""",
    "added_shop/middleware.py": """
class ShopMiddleware:
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)
""",
    "added_shop/urls.py": """
from django.urls import path
from rest_framework.routers import DefaultRouter
from added_shop import views

router = DefaultRouter()
router.register("orders", views.OrderViewSet)
urlpatterns = [
    *router.urls,
    path("stock/", views.StockView.as_view(), name="devices"),
    path("ping/", views.ping, name="ping"),
]
""",
    "added_shop/tests/__init__.py": "",
    "added_shop/tests/test_orders.py": "def test_orders(client): assert client",
    "templates/added_shop.html": "<p style='color: red'>redoc</p>",
}
OWN_ENV = """
SECRET_KEY=mine
PORT=nonsense
REDIS_URL=nonsense
THROTTLES=perhaps
TOKEN_CLIENT_ID=mine
SHOP_API_KEY=mine
LATCHKEY_SHOP=mine
WORKER=3
"""
#: Settings of the developer, more than the limit of a module leaves room for.
SETTINGS = "".join(f"SHOP_LIST_{number} = {number}\n" for number in range(100))
README = "\n## My shop\n\nSHOP_SIZE 10, SHOP_API_KEY\n" + "More.\n" * 200
#: Tests that examine every URL, setting, template, variable or module.
TESTS = [
    "tests/test_sizes.py",
    "tests/project/test_documentation.py",
    "tests/project/test_urls.py::test_every_url_has_a_unique_name",
    "tests/project/test_urls.py::test_every_api_view_lists_its_methods",
    "tests/project/web/test_schema_completeness.py::test_the_document_is_valid_and_has_no_warnings",
    "tests/project/web/test_schema_completeness.py::test_the_body_of_a_deletion_is_described",
    "tests/project/web/test_schema_completeness.py::test_every_operation_has_a_summary_a_tag_and_a_name",
    "tests/project/web/test_schema_completeness.py::test_every_operation_with_a_body_documents_its_limit",
    "tests/project/test_checks.py::test_the_shipped_settings_pass",
    "tests/project/web/test_static.py::test_pages_use_no_files_that_are_not_collected",
    "tests/tokens/test_checks.py",
    "tests/project/test_plain_view_checks.py::test_without_middleware_every_unguarded_view_is_reported",
    "tests/project/test_plain_view_checks.py::test_every_shipped_view_declares_its_callers",
    "tests/accounts/test_first_admin.py",
]


def add_to(file: Path, before: str, text: str) -> None:
    """Add the text in front of the only place where `before` is in the file."""
    code = file.read_text()
    assert code.count(before) == 1
    file.write_text(code.replace(before, f"{text}{before}"))


def link_other_code(checkout: Path) -> None:
    """Link the directories and files that are not shipped: settings may name a real app."""
    copied = {name.split("/")[0] for name in COPIED}
    for entry in ROOT.iterdir():
        if entry.name not in {"var", *copied} and not entry.name.startswith("."):
            (checkout / entry.name).symlink_to(entry)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a copy of the project to which a developer has added an app and variables."""
    ignored = shutil.ignore_patterns("__pycache__", "node_modules", "images")
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
        else:
            shutil.copy(ROOT / name, tmp_path / name)
    link_other_code(tmp_path)
    for name, text in {**APP, ".env": OWN_ENV}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    settings = tmp_path / "project/settings.py"
    add_to(settings, '    "accounts",\n', '    "added_shop",\n')
    add_to(settings, "]\n\nROOT_URLCONF", '    "added_shop.middleware.ShopMiddleware",\n')
    own = f'SHOP_API_KEY = env.text("SHOP_API_KEY", default="")\n{SETTINGS}'
    add_to(settings, "MIDDLEWARE = [", own)
    addresses = tmp_path / "project/urls.py"
    route = '    path("api/added/", include("added_shop.urls")),\n'
    add_to(addresses, '    path("api/docs/"', route)
    with (tmp_path / "README.md").open("a") as readme:
        readme.write(README)
    return tmp_path


def run_own(
    checkout: Path, *words: str, path: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a module there, with variables that a developer has added.

    It imports the site from `path`, which is the checkout unless it is given.
    """
    own = {"LATCHKEY_ENV_FILE": "", "SHOP_API_KEY": "mine", "ACCESS_TOKEN_LIFETIMES": "mine"}
    return subprocess.run(
        [sys.executable, "-m", *words],
        cwd=checkout,
        env={**os.environ, **own, "TEST_ENGINE": "sqlite", "PYTHONPATH": str(path or checkout)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_added_app_fails_no_shipped_test(checkout: Path) -> None:
    done = run_own(checkout, "pytest", "-q", "-p", "no:cacheprovider", *TESTS)
    assert done.returncode == 0, done.stdout
    assert re.search(r"^[1-9]\d* passed", done.stdout, re.MULTILINE)


def test_lint_needs_no_scope_of_the_environment(checkout: Path) -> None:
    """The last command of `make lint` runs the system checks, with this environment."""
    own = {"SECRET_KEY": "unused", "LATCHKEY_ENV_FILE": "/dev/null"}
    shown = subprocess.run(
        [sys.executable, "manage.py", "makemigrations", "--check", "--dry-run", "tokens"],
        cwd=checkout,
        env={**os.environ, **own},
        capture_output=True,
        text=True,
        check=False,
    )
    assert shown.returncode == 0, shown.stderr
    assert "A view requires the scope 'stock:read'" in shown.stderr


def test_the_command_pytest_finds_the_project() -> None:
    """Without -m, the working directory is not on the path of modules."""
    command = [str(Path(sys.executable).with_name("pytest")), "-q", "--collect-only"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [*command, "tests/test_leaks.py"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_an_added_variable_is_not_reported_as_misspelt(checkout: Path) -> None:
    (checkout / ".env").write_text("SHOP_API_KEY=1\nLATCHKEY_SHOP=1\nWORKER=3\n")
    shown = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=checkout,
        env={**os.environ, "LATCHKEY_ENV_FILE": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert re.findall(r"There is no setting (\w+)", shown.stderr) == ["WORKER"]


def test_added_code_need_not_be_typed(tmp_path: Path) -> None:
    """mypy passes with the shipped configuration, although annotated code uses the app."""
    (tmp_path / "added_shop.py").write_text("def order(title):\n    return title.nothing\n")
    (tmp_path / "annotated.py").write_text("import added_shop\n\nROUTES = [added_shop.order]\n")
    words = ("mypy", "--config-file", str(ROOT / "pyproject.toml"))
    done = run_own(tmp_path, *words, "--cache-dir", "one", "annotated.py", path=ROOT)
    assert done.returncode == 0, done.stdout
    judged = run_own(tmp_path, *words, "--cache-dir", "two", "added_shop.py", path=ROOT)
    assert "missing a type annotation" in judged.stdout


def test_style_and_types_are_checked_for_the_same_code() -> None:
    makefile = (ROOT / "Makefile").read_text().replace("\\\n", " ")
    (listed,) = re.findall(r"^SHIPPED := (.*)$", makefile, re.MULTILINE)
    shipped = {*listed.split()}
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert shipped == {*config["tool"]["mypy"]["files"]}
    proofs = [
        path.relative_to(ROOT).parent
        for path in (ROOT / "tests").rglob("test_*.py")
        if re.search(r"mark\.(spec|trap)\(", path.read_text())
    ]
    assert {"tests", *shipped} >= {"/".join(directory.parts[:2]) for directory in proofs}
    assert len(proofs) > 50
