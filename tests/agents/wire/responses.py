"""OpenAI's responses, as Codex asks for them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tests.agents.endpoint import Answer, Call, Request, events


def read(path: str, body: Mapping[str, Any]) -> Request | None:
    if path.partition("?")[0] != "/v1/responses":
        return None
    return Request(
        text=json.dumps(body, ensure_ascii=False),
        tools=tuple(_names(body.get("tools", ()))),
        results=tuple(_text(item["output"]) for item in body["input"] if item.get("type") == "function_call_output"),
    )


def write(answer: Answer, request: Request, number: int) -> bytes:
    item: dict[str, Any]
    if isinstance(answer, Call):
        space, _, name = answer.name.rpartition(".")
        item = {
            "type": "function_call",
            "call_id": f"call_{number}",
            "name": name,
            "arguments": json.dumps(answer.arguments),
        }
        if space:
            item["namespace"] = space
    else:
        content = [{"type": "output_text", "text": answer.text, "annotations": []}]
        item = {"type": "message", "role": "assistant", "id": f"msg_{number}", "content": content}
    usage = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}
    response = {"id": f"resp_{number}", "object": "response", "output": []}
    return events(
        [
            {"type": "response.created", "response": response},
            {"type": "response.output_item.added", "output_index": 0, "item": item},
            {"type": "response.output_item.done", "output_index": 0, "item": item},
            {"type": "response.completed", "response": {**response, "output": [item], "usage": usage}},
        ]
    )


def write_aside(path: str) -> bytes | None:
    return None


def _names(tools: Any) -> Iterator[str]:
    """Return what can be called; the tools of a namespace are named `NAMESPACE.TOOL`."""
    for tool in tools:
        if tool["type"] == "namespace":
            yield from (f"{tool['name']}.{inner['name']}" for inner in tool["tools"])
        else:
            yield tool.get("name", tool["type"])


def _text(output: Any) -> str:
    if isinstance(output, str):
        return output
    return "".join(part.get("text", "") for part in output)
