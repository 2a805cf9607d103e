"""Settings: everything an operator decides, from the environment or an env file.

Names are prefixed ``BATON_``. Values that are secret never appear in errors or logs.
"""

from pathlib import Path
from typing import Annotated, Self

import platformdirs
from pydantic import (
    AliasChoices,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from shared.errors import ConfigurationError
from shared.store.address import password_of, postgres_url

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Settings(BaseSettings):
    """What ``baton serve`` and ``baton worker`` need to know."""

    model_config = SettingsConfigDict(env_prefix="BATON_", frozen=True, extra="ignore")

    home: Path = Field(default_factory=lambda: platformdirs.user_data_path("baton"))
    cache: Path = Field(default_factory=lambda: platformdirs.user_cache_path("baton"))
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8420
    profile: str = "distributed"

    github_api_url: str = Field("https://api.github.com", pattern=r"^https?://")
    github_web_url: str = Field("https://github.com", pattern=r"^https?://")
    app_id: int | None = None
    private_key_file: Path | None = None
    token: SecretStr | None = Field(None, validation_alias=AliasChoices("BATON_GITHUB_TOKEN"))
    webhook_secret: SecretStr | None = None
    smee_url: str | None = Field(None, pattern=r"^https?://")
    gemini_api_key: SecretStr | None = None
    openai_api_key: SecretStr | None = None
    anthropic_api_key: SecretStr | None = None

    egress_allowed: Annotated[frozenset[Digest], NoDecode] = frozenset()

    start_on_open: bool = True
    label: str = "baton"
    write_spacing: Annotated[float, Field(ge=0)] = 1.0
    status_seconds: Annotated[float, Field(ge=0)] = 5.0
    allow_root_sandbox: bool = False

    database_url: SecretStr | None = None
    gateway_url: str | None = Field(None, pattern=r"^https?://[^/@\s]+$")
    gateway_builds: bool = True
    worker_seconds: Annotated[float, Field(gt=0)] = 45.0

    @field_validator("egress_allowed", mode="before")
    @classmethod
    def _listed(cls, told: object) -> object:
        return told.replace(",", " ").split() if isinstance(told, str) else told

    @model_validator(mode="after")
    def _has_one_identity(self) -> Self:
        if self.app_id and self.token:
            msg = "set either BATON_APP_ID with its key or BATON_GITHUB_TOKEN, not both"
            raise ValueError(msg)
        if self.app_id and not self.private_key_file:
            msg = "BATON_APP_ID is set; BATON_PRIVATE_KEY_FILE must name the App's .pem file"
            raise ValueError(msg)
        return self

    def shared_database(self) -> str | None:
        """Return the address of the database that workers share; None for files of one process.

        Raises ConfigurationError.
        """
        url = self.database_url
        return postgres_url(url.get_secret_value()) if url else None

    def database_password(self) -> str | None:
        """Return the password in the address of the database, if there is one."""
        url = self.shared_database()
        return password_of(url) if url else None

    def private_key(self) -> SecretStr:
        """Read the App's private key (PEM). Raises ConfigurationError."""
        path = self.private_key_file
        try:
            return SecretStr((path or Path()).read_text("ascii"))
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(
                f"BATON_PRIVATE_KEY_FILE names {path}, which cannot be read as a PEM file. "
                "Download a key from the App's settings page on GitHub."
            ) from error

    def secrets(self) -> tuple[str, ...]:
        """Return every secret that stands in the settings themselves. Raises ConfigurationError."""
        known = (
            *(self.token, self.webhook_secret),
            *(self.gemini_api_key, self.openai_api_key, self.anthropic_api_key),
        )
        password = self.database_password()
        told = tuple(one.get_secret_value() for one in known if one is not None)
        return (*told, password) if password else told

    def require_webhook_secret(self) -> SecretStr:
        """Return the secret that GitHub signs deliveries with. Raises ConfigurationError."""
        if self.webhook_secret is None:
            raise ConfigurationError(
                "BATON_WEBHOOK_SECRET is not set. Use the value from the App's settings page; "
                'a new one: python3 -c "import secrets; print(secrets.token_hex(32))".'
            )
        return self.webhook_secret


def load_settings(env_file: Path | None = None) -> Settings:
    """Read the settings from the environment and, below it, an env file.

    Raises ConfigurationError that names the variable and never its value.
    """
    if env_file is not None and not env_file.is_file():
        raise ConfigurationError(f"There is no env file at {env_file}.")
    try:
        return Settings(_env_file=env_file)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
        name = "_".join(str(part) for part in fault["loc"]).upper()
        what = fault["msg"].removeprefix("Value error, ")
        where = f"{name if name.startswith('BATON_') else f'BATON_{name}'}: " if name else ""
        raise ConfigurationError(f"{where}{what}.") from error
