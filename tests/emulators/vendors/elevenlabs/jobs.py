"""Speech requests, checked in the vendor's order: schema, key, voice, model, text, plan."""

import math
from dataclasses import dataclass

from ...vendor import Call, Refusal, json_response
from .accounts import Account, account_of
from .catalogue import FORMATS, MODELS, VOICES, CatalogueVoice, Model
from .http import refusal, voice_not_found
from .requests import SchemaError, SpeechBody, parse

_SPEED = (0.7, 1.2)


@dataclass(frozen=True, slots=True)
class SpeechJob:
    """A speech request that passed all checks."""

    body: SpeechBody
    model: Model
    voice: CatalogueVoice
    output_format: str
    account: Account

    @property
    def cost(self) -> int:
        """The cost in credits."""
        return math.ceil(len(self.body.text) * self.model.cost)


def read_job(call: Call, *, streamed: bool) -> SpeechJob:
    """Parse and check the request. Raises `Refusal`."""
    try:
        query, body = parse(call.query, call.body)
    except SchemaError as invalid:
        raise Refusal(json_response({"detail": invalid.details}, status=422)) from invalid
    account = account_of(call)
    voice = VOICES.get(call.params["voice_id"])
    if voice is None:
        raise voice_not_found(call.params["voice_id"])
    model = MODELS.get(body.model_id)
    if model is None:
        raise refusal(
            404, f"A model with model ID {body.model_id} does not exist.", code="model_not_found", param="model_id"
        )
    job = SpeechJob(body, model, voice, query.output_format, account)
    _check_body(job)
    _check_plan(job, streamed=streamed)
    return job


def _check_body(job: SpeechJob) -> None:
    body, model = job.body, job.model
    if not body.text.strip():
        raise refusal(400, "Input text cannot be empty.", code="empty_text", param="text")
    if len(body.text) > model.max_characters:
        message = (
            f"A maximum of {model.max_characters} characters can be sent in one request to the model {model.id}. "
            f"This text has {len(body.text)}."
        )
        raise refusal(400, message, code="text_too_long", param="text")
    for name, (minimum, maximum) in (("speed", _SPEED), ("style", (0.0, 1.0))):
        value = getattr(body.voice_settings, name)
        if value is not None and not minimum <= value <= maximum:
            message = (
                f"Invalid setting for {name} received, expected to be greater or equal to {minimum} and less or equal "
                f"to {maximum}, received {value}"
            )
            raise refusal(400, message, code="invalid_voice_settings", param=name)
    if body.seed is not None and not 0 <= body.seed <= 2**32 - 1:
        message = "The seed must be an integer between 0 and 4294967295."
        raise refusal(400, message, code="invalid_parameters", param="seed")
    for name in ("previous_request_ids", "next_request_ids", "pronunciation_dictionary_locators"):
        given = getattr(body, name)
        if len(given) > 3:
            raise refusal(400, f"A maximum of 3 {name} can be sent.", code="invalid_parameters", param=name)
        if given and name.endswith("_ids") and not model.accepts_request_ids:
            message = f"Providing {name} is not supported with the '{model.id}' model."
            raise refusal(400, message, code="unsupported_model", param=name)
    for locator in body.pronunciation_dictionary_locators:
        message = f"The pronunciation dictionary {locator.pronunciation_dictionary_id} was not found."
        raise refusal(404, message, code="pronunciation_dictionary_not_found")


def _check_plan(job: SpeechJob, *, streamed: bool) -> None:
    account, wanted = job.account, job.output_format
    if wanted not in FORMATS or (streamed and wanted.startswith("wav_")):
        message = f"The output format {wanted} is not supported."
        raise refusal(400, message, code="invalid_output_format", param="output_format")
    if not account.plan.allows(wanted):
        message = f"The output format {wanted} is not available on the {account.plan.tier} tier."
        raise refusal(403, message, code="subscription_required", status="output_format_not_allowed")
    if account.plan.tier == "free" and job.voice.in_library:
        message = (
            "Free users cannot use library voices via the API. Please upgrade your subscription to use this voice."
        )
        raise refusal(402, message, code="paid_plan_required")
    left = max(0, account.plan.credits - account.used)
    if job.cost > left:
        message = (
            f"This request exceeds your quota of {account.plan.credits}. You have {left} credits remaining, "
            f"while {job.cost} credits are required for this request."
        )
        raise refusal(402, message, code="insufficient_credits")
