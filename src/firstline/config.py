"""Settings of one process; the only reader of the environment."""

import json
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict, SettingsError

from firstline.errors import ConfigError, Problem

DEMO_SECRET = "a-demo-secret-that-production-refuses"  # noqa: S105


def _read_list(value: object) -> object:
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):
        return json.loads(value)
    return [part.strip() for part in value.split(",") if part.strip()]


Listed = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_read_list)]
"""Written in the environment as anybody would, `one,two`, or as JSON."""


class Settings(BaseSettings):
    """`FIRSTLINE_*` and `.env`; the key and base URL of Claude as everybody has them."""

    model_config = SettingsConfigDict(
        env_prefix="FIRSTLINE_", env_file=".env", extra="ignore", frozen=True, env_ignore_empty=True
    )

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    data: Path = Path("data")
    store: str | None = None
    production: bool = False
    identity_secret: SecretStr = SecretStr(DEMO_SECRET)
    identity_audience: str = "firstline"
    allowed_origins: Listed = ()
    model: Literal["claude", "offline"] | None = None
    token_hours: Annotated[float, Field(gt=0)] = 24.0 * 30
    messages_per_minute: Annotated[int, Field(ge=1)] = 30
    conversations_per_minute: Annotated[int, Field(ge=1)] = 60
    public_url: str | None = None
    """Where people reach this server, as `https://support.example`; for links that leave it."""

    desk: Literal["inbox", "webhook", "email", "chatwoot"] = "inbox"
    """Where hand-offs go besides the inbox."""
    desk_url: str | None = None
    desk_secret: SecretStr | None = None
    """Signs what a webhook sends and gets; for Chatwoot the secret of its webhook."""
    desk_token: SecretStr | None = None
    desk_account: int | None = None
    desk_inbox: int | None = None
    desk_private: bool = False
    """The desk stands in one's own network: private addresses and plain http are allowed."""
    smtp_url: SecretStr | None = None
    mail_from: str | None = None
    mail_to: Listed = ()

    anthropic_api_key: SecretStr | None = Field(default=None, validation_alias="ANTHROPIC_API_KEY")
    anthropic_base_url: str | None = Field(default=None, validation_alias="ANTHROPIC_BASE_URL")
    chat_models: Listed = ("claude-sonnet-5-5", "claude-haiku-5-5")
    """In the order in which they are tried; the offline model comes after the last."""
    fast_model: str = "claude-haiku-5-5"
    """Judges the mood and plays customers, where there is a key."""
    judge_model: str = "claude-opus-5-5"
    """Judges replies in evaluations."""
    connect_seconds: Annotated[float, Field(gt=0)] = 5.0
    first_token_seconds: Annotated[float, Field(gt=0)] = 20.0
    idle_seconds: Annotated[float, Field(gt=0)] = 15.0
    turn_seconds: Annotated[float, Field(gt=0)] | None = None
    """In place of every bundle's `limits.seconds`, for models that are slow."""
    plain_requests: bool | None = None
    """Passages go as numbered text; left open, the model's name, the address, and what it refuses decide."""

    @cached_property
    def store_url(self) -> str:
        return self.store or f"sqlite:///{(self.data / 'firstline.db').absolute()}"

    @property
    def chosen_model(self) -> Literal["claude", "offline"]:
        if self.model is not None:
            return self.model
        return "claude" if self.anthropic_api_key else "offline"


def load_settings(**overrides: object) -> Settings:
    """The settings in force. Raises ConfigError that names each setting and what to do."""
    try:
        settings = Settings(**overrides)  # pyright: ignore[reportArgumentType]
    except SettingsError as error:
        raise ConfigError(Problem(str(error), "correct it in the environment or in .env")) from None
    except ValidationError as error:
        raise ConfigError(
            *(
                Problem(
                    what=f"FIRSTLINE_{'_'.join(str(part) for part in problem['loc']).upper()}: {problem['msg']}",
                    remedy="correct it in the environment or in .env",
                )
                for problem in error.errors()
            )
        ) from None
    check_settings(settings)
    return settings


def check_settings(settings: Settings) -> None:
    """Raises ConfigError when the settings cannot work, or are not fit for production mode."""
    problems: list[Problem] = []
    if settings.chosen_model == "claude" and not settings.anthropic_api_key:
        problems.append(
            Problem(
                what="FIRSTLINE_MODEL is claude, but there is no key",
                remedy="set ANTHROPIC_API_KEY, or FIRSTLINE_MODEL=offline to try without",
            )
        )
    if settings.production:
        secret = settings.identity_secret.get_secret_value()
        if secret == DEMO_SECRET or len(secret) < 32:
            problems.append(
                Problem(
                    what="production mode needs an identity secret of its own, 32 characters or more",
                    remedy="set FIRSTLINE_IDENTITY_SECRET (for example from `openssl rand -hex 32`)",
                )
            )
        if "*" in settings.allowed_origins:
            problems.append(
                Problem(
                    what="production mode does not allow every origin",
                    remedy="list your sites in FIRSTLINE_ALLOWED_ORIGINS",
                )
            )
    problems += _check_desk(settings)
    if not settings.store_url.startswith("sqlite:"):
        problems.append(
            Problem(
                what="only the embedded store (SQLite) is there in this version",
                remedy="leave FIRSTLINE_STORE unset, or give a sqlite:/// URL",
            )
        )
    elif settings.store_url.removeprefix("sqlite:").strip("/") in ("", ":memory:"):
        problems.append(
            Problem(
                what=f"FIRSTLINE_STORE names no file: {settings.store_url}",
                remedy="give a file, as in sqlite:////var/lib/firstline/firstline.db, or leave it unset",
            )
        )
    if problems:
        raise ConfigError(*problems)


_NEEDED = {
    "inbox": (),
    "webhook": ("desk_url", "desk_secret"),
    "email": ("smtp_url", "mail_from", "mail_to"),
    "chatwoot": ("desk_url", "desk_token", "desk_account", "desk_inbox", "desk_secret"),
}


def _check_desk(settings: Settings) -> list[Problem]:
    remedy = "set it, or leave FIRSTLINE_DESK at inbox"
    problems = [
        Problem(f"the desk {settings.desk} needs FIRSTLINE_{name.upper()}", remedy)
        for name in _NEEDED[settings.desk]
        if not getattr(settings, name)
    ]
    secret = settings.desk_secret.get_secret_value() if settings.desk_secret else ""
    if settings.production and settings.desk in ("webhook", "chatwoot") and len(secret) < 24:
        remedy = "set FIRSTLINE_DESK_SECRET (for example `whsec_` and the output of `openssl rand -base64 32`)"
        problems.append(Problem("production mode needs a desk secret of 24 characters or more", remedy))
    return problems
