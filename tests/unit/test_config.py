"""Settings: what is in force, and what an operator is told when they cannot work."""

from pathlib import Path
from typing import Any

import pytest

from firstline.config import DEMO_SECRET, Settings, check_settings, load_settings
from firstline.errors import ConfigError

OWN_SECRET = "0123456789abcdef" * 2


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No setting of this machine, and a folder without a `.env`."""
    import os

    for name in os.environ:
        if name.upper().startswith(("FIRSTLINE_", "ANTHROPIC_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refuse(**overrides: Any) -> str:
    with pytest.raises(ConfigError) as refused:
        load_settings(**overrides)
    return str(refused.value)


def test_without_any_setting_the_offline_model_answers_on_this_machine_only() -> None:
    settings = load_settings()

    assert settings.chosen_model == "offline"
    assert (settings.host, settings.port) == ("127.0.0.1", 8080)
    assert settings.store_url == f"sqlite:///{Path('data/firstline.db').absolute()}"
    assert not settings.production


def test_a_key_chooses_claude_and_an_explicit_choice_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-canary")
    assert load_settings().chosen_model == "claude"

    monkeypatch.setenv("FIRSTLINE_MODEL", "offline")
    assert load_settings().chosen_model == "offline"


def test_a_variable_left_empty_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "")
    monkeypatch.setenv("FIRSTLINE_PORT", "")

    settings = load_settings()

    assert (settings.chosen_model, settings.port) == ("offline", 8080)


def test_a_file_named_env_is_read_and_the_environment_wins(
    monkeypatch: pytest.MonkeyPatch, bare_environment: Path
) -> None:
    (bare_environment / ".env").write_text("FIRSTLINE_PORT=9001\nFIRSTLINE_HOST=::1\nOTHER=1\n")
    monkeypatch.setenv("FIRSTLINE_PORT", "9002")

    settings = load_settings()

    assert (settings.host, settings.port) == ("::1", 9002)


def test_settings_cannot_be_changed_once_they_are_made() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings().port = 1


def test_no_secret_shows_where_settings_are_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-canary")
    settings = load_settings(identity_secret=OWN_SECRET)
    shown = f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"

    assert "sk-canary" not in shown
    assert OWN_SECRET not in shown


# What cannot work ---------------------------------------------------------------------------------------------------


def test_claude_without_a_key_is_refused_with_both_ways_out() -> None:
    text = refuse(model="claude")

    assert "there is no key" in text
    assert "→ set ANTHROPIC_API_KEY, or FIRSTLINE_MODEL=offline" in text


def test_a_value_that_cannot_be_read_is_named_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRSTLINE_PORT", "many")
    monkeypatch.setenv("FIRSTLINE_IDLE_SECONDS", "-1")
    text = refuse()

    assert "FIRSTLINE_PORT: Input should be a valid integer" in text
    assert "FIRSTLINE_IDLE_SECONDS: Input should be greater than 0" in text
    assert "→ correct it in the environment or in .env" in text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "70000"),
        ("TOKEN_HOURS", "0"),
        ("MESSAGES_PER_MINUTE", "0"),
        ("MODEL", "other"),
        ("PRODUCTION", "maybe"),
    ],
)
def test_a_value_out_of_range_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"FIRSTLINE_{name}", value)

    assert f"FIRSTLINE_{name}: " in refuse()


def test_a_store_of_another_kind_is_refused() -> None:
    assert "leave FIRSTLINE_STORE unset" in refuse(store="postgresql://somewhere/x")


def test_the_password_in_a_stores_address_is_not_repeated() -> None:
    assert "hunter2" not in refuse(store="postgresql://me:hunter2@somewhere/x")


@pytest.mark.parametrize("name", ["ALLOWED_ORIGINS", "CHAT_MODELS"])
def test_a_list_may_be_written_as_json(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(f"FIRSTLINE_{name}", '["https://a.example", "https://b.example"]')

    assert getattr(load_settings(), name.lower()) == ("https://a.example", "https://b.example")


@pytest.mark.parametrize("value", ["https://a.example", "https://a.example,https://b.example"])
def test_a_list_written_as_anybody_would_is_read_or_refused_with_a_remedy(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("FIRSTLINE_ALLOWED_ORIGINS", value)
    try:
        assert load_settings().allowed_origins == tuple(value.split(","))
    except ConfigError as refused:
        assert "FIRSTLINE_ALLOWED_ORIGINS" in str(refused)


@pytest.mark.parametrize("store", ["sqlite://", "sqlite:///:memory:", "sqlite:"])
def test_a_store_that_is_no_file_is_refused(store: str) -> None:
    assert "FIRSTLINE_STORE" in refuse(store=store)


# Production ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("secret", [DEMO_SECRET, "short", "x" * 31, ""])
def test_production_refuses_the_demos_secret_and_a_short_one(secret: str) -> None:
    text = refuse(production=True, identity_secret=secret)

    assert "identity secret of its own" in text
    assert "FIRSTLINE_IDENTITY_SECRET" in text


@pytest.mark.parametrize("origins", [("*",), ("https://a.example", "*")])
def test_production_refuses_every_origin(origins: tuple[str, ...]) -> None:
    assert "FIRSTLINE_ALLOWED_ORIGINS" in refuse(production=True, identity_secret=OWN_SECRET, allowed_origins=origins)


def test_everything_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(ConfigError) as refused:
        load_settings(production=True, allowed_origins=("*",), model="claude", store="mysql://x")

    assert len(refused.value.problems) == 4
    assert all(problem.what and problem.remedy for problem in refused.value.problems)


def test_production_with_a_secret_and_origins_of_its_own_starts() -> None:
    settings = load_settings(production=True, identity_secret=OWN_SECRET, allowed_origins=("https://a.example",))

    assert settings.production


def test_outside_production_the_demo_may_use_its_own_secret() -> None:
    check_settings(Settings(identity_secret=DEMO_SECRET, allowed_origins=("*",)))  # pyright: ignore
