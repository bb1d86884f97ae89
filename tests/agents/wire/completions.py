"""OpenAI's chat completions, as opencode asks a provider for them that it knows nothing else of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.agents.endpoint import Answer, Call, Request, events


def read(path: str, body: Mapping[str, Any]) -> Request | None:
    if path.partition("?")[0] != "/v1/chat/completions":
        return None
    return Request(
        text=json.dumps(body, ensure_ascii=False),
        tools=tuple(tool["function"]["name"] for tool in body.get("tools", ())),
        results=tuple(_text(message["content"]) for message in body["messages"] if message["role"] == "tool"),
    )


def write(answer: Answer, request: Request, number: int) -> bytes:
    delta: dict[str, Any]
    if isinstance(answer, Call):
        function = {"name": answer.name, "arguments": json.dumps(answer.arguments)}
        delta = {"tool_calls": [{"index": 0, "id": f"call_{number}", "type": "function", "function": function}]}
    else:
        delta = {"content": answer.text}
    reason = "tool_calls" if isinstance(answer, Call) else "stop"
    chunk = {"id": f"chatcmpl-{number}", "object": "chat.completion.chunk", "created": 0, "model": "scripted"}
    chunks: list[dict[str, Any]] = [
        {**chunk, "choices": [{"index": 0, "delta": {"role": "assistant", **delta}, "finish_reason": None}]},
        {
            **chunk,
            "choices": [{"index": 0, "delta": {}, "finish_reason": reason}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
        },
    ]
    return events(chunks, has_names=False) + b"data: [DONE]\n\n"


def write_aside(path: str) -> bytes | None:
    return None


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content)
