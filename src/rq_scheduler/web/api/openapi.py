"""The document of the API (OpenAPI 3.1), made of the table of its calls and of the types that these take and give."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

from rq_scheduler import serialization
from rq_scheduler._version import __version__
from rq_scheduler.web.api.route import Route
from rq_scheduler.web.problems import MEDIA_TYPE, TITLES, Problem

__all__ = ["document"]

_ALWAYS = (400, 401, 403, 421, 422, 429, 500, 503)
"""Problems that any call may have."""

_WITH_BODY = (408, 413, 415)

_REF = "#/components/schemas/{name}"


def document(routes: Sequence[Route], prefix: str) -> dict[str, Any]:
    """The document; `prefix` is where the paths begin."""
    types = {id(kind): kind for route in routes for kind in (route.query, route.body, route.answer) if kind is not None}
    schemas, components = serialization.schemas([*types.values(), Problem], _REF)
    of = dict(zip(types, schemas, strict=False))
    paths: dict[str, Any] = {}
    for route in routes:
        paths.setdefault(prefix + route.path, {})[route.method.lower()] = _operation(route, of, components)
    return {
        "openapi": "3.1.0",
        "info": {"title": "rq-scheduler", "version": __version__, "license": {"name": "MIT", "identifier": "MIT"}},
        "paths": paths,
        "components": {
            "schemas": {name: schema for name, schema in components.items() if not name.endswith("Query")},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}],
    }


def _operation(route: Route, of: Mapping[int, Any], components: Mapping[str, Any]) -> dict[str, Any]:
    said = " ".join((route.call.__doc__ or "").split())
    made: dict[str, Any] = {
        "operationId": route.name,
        "summary": said.partition(". ")[0].rstrip("."),
        "description": f"{said} Needs the role {route.role}.",
        "tags": [route.path.split("/")[1]],
        "parameters": [*_path(route), *_query(route, components), *_headers(route)],
        "responses": _responses(route, of),
    }
    if route.body is not None:
        kinds = ("application/json", *(["application/merge-patch+json"] if route.merges else []))
        made["requestBody"] = {"required": True, "content": {kind: {"schema": of[id(route.body)]} for kind in kinds}}
    return made


def _path(route: Route) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1, "maxLength": 400}}
        for name in re.findall(r"\{(\w+)\}", route.path)
    ]


def _query(route: Route, components: Mapping[str, Any]) -> list[dict[str, Any]]:
    schema = components[route.query.__name__]
    properties: dict[str, Any] = schema.get("properties", {})
    required = schema.get("required", ())
    return [
        {"name": name, "in": "query", "required": name in required, "schema": _without_null(one)}
        for name, one in properties.items()
    ]


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter that is not given is null; one that is given is text."""
    options = [one for one in cast("list[dict[str, Any]]", schema.get("anyOf", ())) if one != {"type": "null"}]
    if len(options) != 1:
        return schema
    return {**{name: value for name, value in schema.items() if name not in ("anyOf", "default")}, **options[0]}


def _headers(route: Route) -> list[dict[str, Any]]:
    names: list[tuple[str, str]] = []
    if route.once:
        names.append(("Idempotency-Key", "Sent again with it, the request is not done a second time within a day."))
    if route.etag:
        names.append(("If-None-Match", "* for a schedule that must not be there, or an ETag that is known."))
    if route.etag and route.method != "GET":
        names.append(("If-Match", "The ETag of the version that is changed."))
    return [
        {"name": name, "in": "header", "required": False, "description": text, "schema": {"type": "string"}}
        for name, text in names
    ]


def _responses(route: Route, of: Mapping[int, Any]) -> dict[str, Any]:
    good: dict[str, Any] = {}
    for status in route.statuses:
        good[str(status)] = {"description": {201: "Made", 204: "Done", 304: "Not changed"}.get(status, "As asked")}
        if status not in (204, 304) and route.answer is not None:
            good[str(status)]["content"] = {"application/json": {"schema": of[id(route.answer)]}}
        if route.etag:
            good[str(status)]["headers"] = {"ETag": {"schema": {"type": "string"}, "description": "Its version."}}
    problem = {MEDIA_TYPE: {"schema": {"$ref": _REF.format(name="Problem")}}}
    wrong = sorted({*_ALWAYS, *route.problems, 404, 405, *(_WITH_BODY if route.body is not None else ())})
    return good | {str(status): {"description": TITLES[status], "content": problem} for status in wrong}
