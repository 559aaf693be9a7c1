"""A developer's own forms and serializers can use the model of service accounts."""

import pytest
from django.forms import modelform_factory
from rest_framework.serializers import ModelSerializer

from tokens.models import ServiceAccount

TAKEN = "A service account with that name already exists."


class AccountSerializer(ModelSerializer[ServiceAccount]):
    class Meta:
        model = ServiceAccount
        fields = ["name"]


@pytest.mark.django_db
def test_a_form_and_a_serializer_say_that_a_name_is_taken() -> None:
    ServiceAccount.objects.create(name="orders")
    form = modelform_factory(ServiceAccount, fields=["name"])({"name": "orders"})
    assert form.errors["name"] == [TAKEN]
    serializer = AccountSerializer(data={"name": "orders"})
    assert not serializer.is_valid()
    assert serializer.errors["name"] == [TAKEN]
