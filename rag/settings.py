"""All settings: arguments, then BURHAN_* environment variables, then burhan.toml, then defaults."""

import tomllib
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError
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
    max_question_chars: int = Field(
        2_000, ge=1, le=100_000, description="Longer questions are refused."
    )

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
        raise SettingsError(
            f"setting {name!r}: {first['msg']}; found {first['input']!r}"
        ) from error
