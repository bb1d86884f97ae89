"""Anthropic's messages, as Claude Code asks for them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.agents.endpoint import Answer, Call, Request, events


def read(path: str, body: Mapping[str, Any]) -> Request | None:
    if path.partition("?")[0] != "/v1/messages":
        return None
    blocks = [
        block for message in body["messages"] if isinstance(message["content"], list) for block in message["content"]
    ]
    return Request(
        text=json.dumps(body, ensure_ascii=False),
        tools=tuple(tool["name"] for tool in body.get("tools", ())),
        results=tuple(_text(block["content"]) for block in blocks if block["type"] == "tool_result"),
    )


def write(answer: Answer, request: Request, number: int) -> bytes:
    block: dict[str, Any]
    delta: dict[str, Any]
    if isinstance(answer, Call):
        block = {"type": "tool_use", "id": f"toolu_{number}", "name": answer.name, "input": {}}
        delta = {"type": "input_json_delta", "partial_json": json.dumps(answer.arguments)}
    else:
        block = {"type": "text", "text": ""}
        delta = {"type": "text_delta", "text": answer.text}
    message: dict[str, Any] = {
        "id": f"msg_{number}",
        "type": "message",
        "role": "assistant",
        "model": "scripted",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }
    reason = "tool_use" if isinstance(answer, Call) else "end_turn"
    return events(
        [
            {"type": "message_start", "message": message},
            {"type": "content_block_start", "index": 0, "content_block": block},
            {"type": "content_block_delta", "index": 0, "delta": delta},
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"output_tokens": 1}},
            {"type": "message_stop"},
        ]
    )


def write_aside(path: str) -> bytes | None:
    return None


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "".join(block.get("text", "") for block in content)
