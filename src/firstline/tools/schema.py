"""From a function to a tool, and from a model's arguments to arguments that fit it.

Signature, types and docstring are the schema: nothing is said twice.
"""

import inspect
import math
import warnings
from collections.abc import Callable, Iterator
from typing import Any, cast, get_type_hints

import docstring_parser
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from pydantic import BaseModel, ConfigDict, Field, PydanticUserError, create_model
from pydantic.errors import PydanticInvalidForJsonSchema
from pydantic.json_schema import PydanticJsonSchemaWarning

from firstline.errors import ConfigError, ToolRejected
from firstline.tools import Declaration, Tool
from firstline.tools.rules import check_rules, list_parameters, locate
from firstline.types import Json

_TYPE_WORDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}


def read_declaration(function: Any) -> Declaration | None:
    """What `@tool` said of the function, or None when it is no tool."""
    found = getattr(function, "__dict__", {}).get("__firstline_tool__")
    return found if isinstance(found, Declaration) else None


def build_tool(function: Callable[..., Any]) -> Tool:
    """The tool that the function is. Raises ConfigError with every breach of the rules."""
    declaration = read_declaration(function)
    if declaration is None:
        raise ConfigError(locate(function, "is no tool", "decorate it with @tool(…)"))
    if problems := check_rules(function, declaration):
        raise ConfigError(*problems)
    return Tool(
        name=function.__name__,
        description=docstring_parser.parse(inspect.getdoc(function) or "").description or "",
        input_schema=_build_schema(function),
        declaration=declaration,
    )


def build_arguments(function: Callable[..., Any]) -> type[BaseModel]:
    """The model of the function's arguments: each field is called like its parameter plus `_`.

    The underscore keeps a parameter called `copy` or `json` apart from the model's own methods.
    Raises: ConfigError when pydantic does not know a type.
    """
    described = {
        each.arg_name: each.description for each in docstring_parser.parse(inspect.getdoc(function) or "").params
    }
    hints = get_type_hints(function, include_extras=True)
    fields: dict[str, Any] = {}
    for name, parameter in list_parameters(function).items():
        default = ... if parameter.default is parameter.empty else parameter.default
        fields[f"{name}_"] = (
            hints[name],
            Field(default=default, alias=name, description=described.get(name)),
        )
    try:
        return create_model("Arguments", __config__=ConfigDict(extra="forbid"), **fields)
    except (PydanticUserError, TypeError) as error:
        raise ConfigError(_locate_type(function, error)) from None


def _build_schema(function: Callable[..., Any]) -> Json:
    model = build_arguments(function)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", PydanticJsonSchemaWarning)
            schema = model.model_json_schema()
    except (PydanticInvalidForJsonSchema, PydanticJsonSchemaWarning) as error:
        raise ConfigError(_locate_type(function, error)) from None
    try:
        return _tidy(schema, schema.get("$defs", {}))
    except RecursionError:
        remedy = "use types that do not contain themselves"
        raise ConfigError(locate(function, "has a type that contains itself", remedy)) from None


def _locate_type(function: Callable[..., Any], error: Exception) -> Any:
    what = f"has a type or default that cannot be described as JSON: {str(error).splitlines()[0]}"
    return locate(function, what, "use str, int, float, bool, Literal, date, Decimal, or lists of them")


def _tidy(schema: Json, definitions: Json) -> Json:
    """The schema with references resolved, titles taken out, and every object closed."""
    if "$ref" in schema:
        target = definitions[str(schema["$ref"]).removeprefix("#/$defs/")]
        return _tidy({**target, **{key: value for key, value in schema.items() if key != "$ref"}}, definitions)
    tidy: Json = {}
    for key, value in schema.items():
        if key in ("title", "$defs", "discriminator"):
            continue
        if key == "properties":
            tidy[key] = {name: _tidy(inner, definitions) for name, inner in value.items()}
        elif key in ("anyOf", "oneOf", "allOf", "prefixItems"):
            tidy[key] = [_tidy(inner, definitions) for inner in value]
        elif key in ("items", "additionalProperties") and isinstance(value, dict):
            tidy[key] = _tidy(cast("Json", value), definitions)
        else:
            tidy[key] = value
    if "properties" in tidy:
        tidy.setdefault("required", [])
        tidy.setdefault("additionalProperties", False)
    return tidy


def validate_arguments(tool: Tool, arguments: Json) -> Json:
    """The arguments in the schema's types (12.0 for a whole number becomes 12); defaults are not filled in.

    Raises: ToolRejected naming every field that does not fit and why, in words that a model can act on.
    """
    mistakes = list(_find_infinite(arguments, "")) or list(_find_mistakes(tool.input_schema, arguments))
    if mistakes:
        raise ToolRejected("; ".join(dict.fromkeys(mistakes)))
    return cast("Json", _narrow(arguments, tool.input_schema))


def _find_mistakes(schema: Json, arguments: Json) -> Iterator[str]:
    validator: Any = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    found: list[ValidationError] = sorted(validator.iter_errors(arguments), key=_order)
    for error in found:
        yield from _explain(error)


def _order(error: ValidationError) -> list[str]:
    return [str(part) for part in error.absolute_path]


def _find_infinite(value: Any, name: str) -> Iterator[str]:
    if isinstance(value, float) and not math.isfinite(value):
        yield f"`{name}` must be a finite number"
    elif isinstance(value, dict):
        for key, inner in cast("Json", value).items():
            yield from _find_infinite(inner, f"{name}.{key}" if name else key)
    elif isinstance(value, list):
        for index, inner in enumerate(cast("list[Any]", value)):
            yield from _find_infinite(inner, f"{name}[{index}]")


def _explain(error: ValidationError) -> Iterator[str]:
    path = error.json_path.removeprefix("$").removeprefix(".")
    name = f"`{path}`" if path else "the input"
    inside = f" in `{path}`" if path else ""
    wanted: Any = error.validator_value
    given: Any = error.instance
    match error.validator:
        case "required":
            missing = "`, `".join(each for each in wanted if each not in given)
            yield f"not given{inside}: `{missing}`"
        case "additionalProperties":
            known: Json = cast("Json", error.schema).get("properties", {})
            strange = "`, `".join(str(each)[:60] for each in given if each not in known)
            yield f"there is no `{strange}`{inside}; there is `{'`, `'.join(known)}`"
        case "type":
            types = [wanted] if isinstance(wanted, str) else list(wanted)
            yield f"{name} must be {' or '.join(_TYPE_WORDS[each] for each in types)}"
        case "enum" | "const":
            values = wanted if error.validator == "enum" else [wanted]
            yield f"{name} must be one of {', '.join(repr(each) for each in values)}"
        case "anyOf" | "oneOf":
            inner = dict.fromkeys(text for each in error.context or () for text in _explain(each))
            yield " or ".join(inner) or f"{name} does not fit"
        case _:
            yield f"{name} must have {_spell(str(error.validator), wanted)}"


def _spell(rule: str, wanted: Any) -> str:
    return {
        "minimum": f"a value of at least {wanted}",
        "maximum": f"a value of at most {wanted}",
        "exclusiveMinimum": f"a value above {wanted}",
        "exclusiveMaximum": f"a value below {wanted}",
        "multipleOf": f"a multiple of {wanted}",
        "minLength": f"at least {wanted} characters",
        "maxLength": f"at most {wanted} characters",
        "minItems": f"at least {wanted} entries",
        "maxItems": f"at most {wanted} entries",
        "pattern": f"the form {wanted}",
        "format": f"the form of a {wanted}",
    }.get(rule, f"{rule} {wanted}")


def _narrow(value: Any, schema: Json) -> Any:
    """`value` with whole floats made ints wherever the schema wants whole numbers only."""
    if isinstance(value, dict):
        properties: dict[str, Json] = schema.get("properties", {})
        return {key: _narrow(inner, properties.get(key, {})) for key, inner in cast("Json", value).items()}
    if isinstance(value, list):
        items: Json = schema.get("items", {})
        return [_narrow(inner, items) for inner in cast("list[Any]", value)]
    kinds = {schema.get("type"), *(inner.get("type") for inner in schema.get("anyOf", ()))}
    if isinstance(value, float) and "integer" in kinds and "number" not in kinds:
        return int(value)
    return value
