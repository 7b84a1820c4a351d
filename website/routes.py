"""The page of the server's routes, written from its OpenAPI description."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI


def page() -> str:
    """Every route by its tag: method, path, role, parameters, body and answers."""
    from gliomics.server.routes import router

    app = FastAPI(title="Gliomics")
    app.include_router(router)
    described = app.openapi()
    by_tag: dict[str, list[str]] = {}
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            lines = by_tag.setdefault((operation.get("tags") or ["Other"])[0], [])
            lines += _lines(described, method.upper(), path, operation)
    text = [
        "# Routes of the server", "",
        "Written from the OpenAPI description, which a running server gives at `/openapi.json`. "
        "[What they mean together](reference/server.md).", "",
    ]  # fmt: skip
    for tag, lines in by_tag.items():
        text += [f"## {tag}", "", *lines]
    return "\n".join(text)


def _lines(described: dict[str, Any], method: str, path: str, operation: dict[str, Any]) -> list[str]:
    roles = [role for scheme in operation.get("security", []) for names in scheme.values() for role in names]
    told = str(operation.get("description") or operation.get("summary") or "").replace("<", "&lt;").replace("[", "\\[")
    lines = [f"### {method} {path}", "", told, ""]
    if roles:
        lines += [f"Role: {', '.join(roles)}.", ""]
    rows = [
        (parameter["name"], parameter["in"], _type(parameter.get("schema", {})), bool(parameter.get("required")))
        for parameter in operation.get("parameters", [])
    ]
    for media, body in operation.get("requestBody", {}).get("content", {}).items():
        schema = _resolved(described, body.get("schema", {}))
        needed = schema.get("required", [])
        rows += [
            (n, media, _type(_resolved(described, s)), n in needed) for n, s in schema.get("properties", {}).items()
        ]
        if not schema.get("properties"):
            rows.append(("(body)", media, _type(schema), True))
    if rows:
        lines += ["| name | in | type | required |", "|---|---|---|---|"]
        lines += [f"| `{name}` | {where} | {kind} | {'yes' if need else 'no'} |" for name, where, kind, need in rows]
        lines.append("")
    return lines


def _resolved(described: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    name = schema.get("$ref", "").rpartition("/")[2]
    found: dict[str, Any] = described["components"]["schemas"][name] if name else schema
    return found


def _type(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(_type(part) for part in schema["anyOf"] if part.get("type") != "null")
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    return schema.get("format") or schema.get("type") or schema.get("$ref", "").rpartition("/")[2] or "any"
