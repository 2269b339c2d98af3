"""Every sentence Burhan itself says in an answer, one file for each task and language."""

import tomllib
from functools import cache
from importlib.resources import files
from string import Template


@cache
def load(task: str, language: str) -> dict[str, Template]:
    """The named phrases of a task, `task.language.toml`, with `$name` placeholders."""
    text = files("prompts").joinpath(f"{task}.{language}.toml").read_text(encoding="utf-8")
    return {name: Template(phrase) for name, phrase in tomllib.loads(text).items()}


def say(task: str, language: str, phrase: str, **values: object) -> str:
    """A phrase filled in; raises KeyError when a placeholder is left without a value."""
    return load(task, language)[phrase].substitute(values)
