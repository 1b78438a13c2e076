"""The JSON Schema of a file of cases, for editors: completion, and mistakes underlined while one writes."""

from firstline.evals.dataset import CaseFile
from firstline.types import Json

SHORT_FORMS = {
    "Turn": {"type": "string", "minLength": 1, "description": "What the customer writes, with nothing expected."},
    "Choice": {"type": "array", "minItems": 1, "description": "Values to choose from."},
}
"""What may be written instead of a mapping: the shapes read these too, but their schema does not say so."""


def case_schema() -> Json:
    """As draft 2020-12."""
    schema = CaseFile.model_json_schema()
    for name, short in SHORT_FORMS.items():
        schema["$defs"][name] = {"anyOf": [short, schema["$defs"][name]]}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Cases", **schema}
