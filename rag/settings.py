"""All settings: arguments, then BURHAN_* environment variables, then burhan.toml, then defaults."""

import tomllib
from datetime import date
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from index.errors import SettingsError


class Settings(BaseSettings):
    """One object, passed explicitly; unknown names in burhan.toml are refused."""

    model_config = SettingsConfigDict(
        env_prefix="BURHAN_", toml_file="burhan.toml", extra="forbid", frozen=True
    )

    index: Path = Field(Path("data/index"), description="Folder of the index.")
    encoder: str = Field(
        "burhan-e5-small",
        description="A packaged encoder (this, or multilingual-e5-small-q4, its base), a folder "
        "made by index.train, or the name or folder of a sentence-transformers model.",
    )
    encoder_backend: Literal["onnx", "torch"] = Field(
        "onnx", description="What the packaged encoder runs on."
    )
    cache: Path | None = Field(
        None, description="Folder for built encoders; the user's cache if unset."
    )
    n_candidates: int = Field(
        50, ge=1, le=1_000, description="Chunks of each language that each search hands to ranking."
    )
    n_evidence: int = Field(3, ge=1, le=20, description="Quotes in an answer, at most.")
    min_confidence: float = Field(
        0.5, ge=0, le=1, description="Below it Burhan declines to answer."
    )
    as_of: date | None = Field(
        None, description='The day that "yesterday" is counted from; today if unset.'
    )
    llm: str = Field(
        "",
        description="PROVIDER:MODEL that writes the answers, as LangChain's init_chat_model opens "
        "it; unset, the evidence is quoted.",
    )
    llm_url: str = Field("", description="Address of its server, if OpenAI-compatible.")
    llm_key: SecretStr | None = Field(
        None, description="Its key; the provider's own variable, such as OPENAI_API_KEY, if unset."
    )
    llm_fallback: str = Field("", description="PROVIDER:MODEL that is asked when it fails.")
    llm_fallback_url: str = Field("", description="Address of the fallback's server.")
    llm_fallback_key: SecretStr | None = Field(None, description="Its key.")
    llm_timeout: float = Field(
        60, gt=0, le=3_600, description="Seconds for a whole reply, retries included."
    )
    llm_retries: int = Field(
        2, ge=0, le=10, description="Tries after a failed one, with growing pauses."
    )
    llm_temperature: float = Field(0, ge=0, le=2, description="Of the model's sampling.")
    llm_window: int = Field(
        8_192, ge=1_024, le=10_000_000, description="The model's context, in tokens."
    )
    llm_answer_tokens: int = Field(
        700, ge=16, le=100_000, description="Longest reply, in tokens; part of the window."
    )
    llm_price_in: float = Field(0, ge=0, description="Price of a million tokens in.")
    llm_price_out: float = Field(0, ge=0, description="Price of a million tokens out.")
    unsupported: Literal["remove", "mark"] = Field(
        "remove", description="What becomes of a model's sentence that its source does not hold."
    )
    max_question_chars: int = Field(
        2_000, ge=1, le=100_000, description="Longer questions are refused."
    )

    @model_validator(mode="after")
    def _room_in_the_window(self) -> Self:
        if self.llm_answer_tokens > self.llm_window // 2:
            raise ValueError(
                f"llm_answer_tokens ({self.llm_answer_tokens}) leaves no room for the sources in "
                f"llm_window ({self.llm_window}); half of it is the most"
            )
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def load_settings(**overrides: object) -> Settings:
    """Settings with the given fields overridden; None means not given.

    Raises:
        SettingsError: A value is out of bounds or a name is unknown.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings(**given)  # type: ignore[arg-type]
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"burhan.toml: {error}; correct that line") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(map(str, first["loc"]))
        if not name:
            raise SettingsError(first["msg"].removeprefix("Value error, ")) from error
        found = "" if "key" in name else f"; found {first['input']!r}"
        raise SettingsError(f"setting {name!r}: {first['msg']}{found}") from error
