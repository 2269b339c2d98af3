"""A language model as judge of answers: its name and prompt are its own, not the engine's."""

import json
import re
from typing import Any

from eval.dataset import Case
from index.errors import SettingsError
from prompts import say

_SECONDS = 120
_JSON = re.compile(r"\{.*?\}", re.S)


class Judge:
    """Asks a chat model whether an answer tells what the gold answer tells.

    Args:
        name: As LangChain's `init_chat_model` takes it, such as `openai:NAME`.
        url: Address of an OpenAI-compatible server, "" for the provider's own.

    Raises:
        SettingsError: The model cannot be opened.
    """

    def __init__(self, name: str, url: str = "") -> None:
        from langchain.chat_models import init_chat_model

        options: dict[str, Any] = {"temperature": 0, "timeout": _SECONDS, "max_retries": 2}
        if url:
            # A local server asks for no key, but the client does.
            options |= {"base_url": url, "api_key": "none"}
        try:
            self._model = init_chat_model(name, **options)
        except Exception as error:  # each provider raises its own
            raise SettingsError(
                f"judge {name!r} cannot be opened ({' '.join(str(error).split())[:160]}); "
                "give PROVIDER:MODEL, and its key or --judge-url"
            ) from error

    def verdict(self, case: Case, text: str) -> dict[str, Any]:
        """{"right": bool or None, "why": str}; None when the model gave no verdict."""
        golds = [gold for golds in case.answers.values() for gold in golds]
        messages = [
            ("system", say("judge", case.language, "instructions")),
            (
                "human",
                say(
                    "judge",
                    case.language,
                    "case",
                    question=_plain(case.question),
                    reference=_plain(" / ".join(golds)),
                    answer=_plain(text),
                ),
            ),
        ]
        try:
            reply = str(self._model.invoke(messages).text)
        except Exception as error:  # each provider raises its own
            return {"right": None, "why": f"{type(error).__name__}: {error}"[:300]}
        return _parsed(reply)


def _plain(text: str) -> str:
    # Nothing in an answer may end the mark that it stands in.
    return text.replace("<", "‹").replace(">", "›")


def _parsed(reply: str) -> dict[str, Any]:
    for match in _JSON.finditer(reply):
        try:
            found = json.loads(match[0])
        except json.JSONDecodeError:
            continue
        if isinstance(found.get("right"), bool):
            return {"right": found["right"], "why": str(found.get("why", ""))[:300]}
    return {"right": None, "why": f"no verdict in: {reply[:200]}"}
