"""`GET /v1/models` and `/v1/user/subscription`."""

from ...vendor import Call, Response, json_response
from .accounts import account_of
from .catalogue import MODELS
from .http import refusal


def list_models(_: Call) -> Response:
    """Return all models."""
    return json_response([model.describe() for model in MODELS.values()])


def get_subscription(call: Call) -> Response:
    """Return the plan of the key and the credits that it has used."""
    if call.headers["xi-api-key"].startswith("restricted"):
        message = "The API key you used is missing the permission user_read to execute this operation."
        raise refusal(401, message, code="unauthorized", status="missing_permissions")
    account = account_of(call)
    plan = account.plan
    return json_response(
        {
            "tier": plan.tier,
            "character_count": account.used,
            "character_limit": plan.credits,
            "max_character_limit_extension": 0,
            "max_credit_limit_extension": 0,
            "can_extend_character_limit": False,
            "allowed_to_extend_character_limit": False,
            "next_character_count_reset_unix": 1_798_761_600,
            "voice_slots_used": 0,
            "professional_voice_slots_used": 0,
            "professional_voice_slots_used_in_workspace": 0,
            "voice_limit": 30,
            "max_voice_add_edits": 95,
            "voice_add_edit_counter": 0,
            "professional_voice_limit": 1,
            "can_extend_voice_limit": False,
            "can_use_instant_voice_cloning": plan.tier != "free",
            "can_use_professional_voice_cloning": plan.tier in {"creator", "pro"},
            "currency": "usd",
            "current_overage": {"amount": "0", "currency": "usd"},
            "status": "free" if plan.tier == "free" else "active",
            "billing_period": "monthly_period",
            "character_refresh_period": "monthly_period",
            "next_invoice": None,
            "open_invoices": [],
            "has_open_invoices": False,
            "pending_change": None,
        }
    )
