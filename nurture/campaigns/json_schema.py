"""The published JSON Schema, made from the shapes, for completion and checks in an editor."""

import ast
import inspect
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core.core_schema import ModelSchema

from nurture.campaigns.funnel_shape import FunnelShape
from nurture.campaigns.segment_shape import SegmentsShape
from nurture.campaigns.sequence_shape import SequenceShape
from nurture.campaigns.shapes import Shape

SCHEMAS: dict[str, type[Shape]] = {
    "funnel.schema.json": FunnelShape,
    "segments.schema.json": SegmentsShape,
    "sequence.schema.json": SequenceShape,
}


def schema_text(name: str) -> str:
    """Return the text of the schema file called `name`, one of SCHEMAS."""
    schema = SCHEMAS[name].model_json_schema(by_alias=True, schema_generator=_Described)
    whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    return json.dumps(_tidy(whole), ensure_ascii=False, indent=2) + "\n"


def write_schemas(folder: Path) -> None:
    """Write all schemas into `folder`."""
    for name in SCHEMAS:
        (folder / name).write_text(schema_text(name), encoding="utf-8")


class _Described(GenerateJsonSchema):
    """With what stands below each key in the source as its description.

    Pydantic can do so, too, but reads the source whenever the shapes are imported.
    """

    def model_schema(self, schema: ModelSchema) -> JsonSchemaValue:
        made = super().model_schema(schema)
        shape = schema["cls"]
        for name, text in _described(shape).items():
            key = shape.model_fields[name].alias or name
            made["properties"][key].setdefault("description", text)
        return made


def _described(shape: type[Any]) -> dict[str, str]:
    """What a shape's source says of its fields, in strings of their own below them."""
    told: dict[str, str] = {}
    for cls in reversed(shape.__mro__[: shape.__mro__.index(Shape)]):
        (tree,) = ast.parse(inspect.getsource(cls)).body
        for above, below in pairwise(tree.body if isinstance(tree, ast.ClassDef) else ()):
            match above, below:
                case (
                    ast.AnnAssign(target=ast.Name(name)),
                    ast.Expr(ast.Constant(str() as text)),
                ):
                    told[name] = inspect.cleandoc(text)
                case _:
                    pass
    return told


def _tidy(value: Any) -> Any:
    """Leave out what the models add and a file never holds: null, and its default."""
    if isinstance(value, list):
        return [_tidy(one) for one in value]
    if not isinstance(value, dict):
        return value
    tidied = {key: _tidy(one) for key, one in value.items()}
    if tidied.get("default", "") is None:
        del tidied["default"]
    choices = tidied.get("anyOf")
    if isinstance(choices, list):
        kept = [one for one in choices if one != {"type": "null"}]
        if len(kept) == 1 and len(choices) > 1:
            del tidied["anyOf"]
            tidied = {**kept[0], **tidied}
    return tidied
