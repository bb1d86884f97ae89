"""Google's `streamGenerateContent`, as the Gemini CLI asks for it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.agents.endpoint import Answer, Call, Request, events


def read(path: str, body: Mapping[str, Any]) -> Request | None:
    if "enerateContent" not in path:
        return None
    parts = [part for content in body["contents"] for part in content["parts"]]
    return Request(
        text=json.dumps(body, ensure_ascii=False),
        tools=tuple(
            declared["name"] for tool in body.get("tools", ()) for declared in tool.get("functionDeclarations", ())
        ),
        results=tuple(_text(part["functionResponse"]["response"]) for part in parts if "functionResponse" in part),
    )


def write(answer: Answer, request: Request, number: int) -> bytes:
    if isinstance(answer, Call):
        part: dict[str, Any] = {"functionCall": {"name": answer.name, "args": answer.arguments}}
    else:
        part = {"text": answer.text}
    candidate = {"content": {"role": "model", "parts": [part]}, "finishReason": "STOP", "index": 0}
    usage = {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2}
    return events([{"candidates": [candidate], "usageMetadata": usage}], has_names=False)


def write_aside(path: str) -> bytes | None:
    return b'{"totalTokens": 1}' if "countTokens" in path else None


def _text(response: Mapping[str, Any]) -> str:
    output = response.get("output", response)
    return output if isinstance(output, str) else json.dumps(output, ensure_ascii=False)
