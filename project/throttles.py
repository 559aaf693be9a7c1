"""How often something may be tried. The variable THROTTLE_<NAME> changes a rate."""

from project.env import Environment

RATES = {
    "login_pair": "10 per 5 minutes",
    "login_account": "50 per 15 minutes",
    "login_address": "100 per 15 minutes",
    "refresh": "60 per minute",
    "forged_token": "60 per minute",
    "verify": "300 per minute",
    "current_password": "10 per 5 minutes",
    "current_password_account": "50 per 15 minutes",
    "link": "30 per minute",
    "reset_account": "3 per hour",
    "reset_address": "20 per hour",
    "email_change_account": "3 per hour",
    "email_change_address": "20 per hour",
    "email_change_target": "3 per hour",
    "name_change": "60 per hour",
    "failed_sign_in": "5 per hour",
    "sign_in_mail": "1 per hour",
    "new_device_mail": "5 per hour",
    "failed_client": "100 per 5 minutes",
    "client_token": "6000 per minute",
    "introspect": "200000 per minute",
    "revoke": "300 per minute",
    "exchange": "100 per 5 minutes",
    "demo": "20 per minute",
    "comparison": "6 per minute",
}


def rates(env: Environment) -> dict[str, str]:
    """Return the rates of the site: none if THROTTLES is off, as for load tests."""
    if not env.switch("THROTTLES", default=True):
        return {}
    return {name: env.text(f"THROTTLE_{name.upper()}", rate) for name, rate in RATES.items()}
