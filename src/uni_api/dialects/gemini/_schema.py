"""JSON Schema as the API takes it: in its own subset of OpenAPI where that says everything, else as JSON Schema.

The OpenAPI subset (`parameters`, `responseSchema`) is what every model and every relay understands. A schema that it
can't say goes as JSON Schema (`parametersJsonSchema`, `responseJsonSchema`) to models that take it, and as the nearest
OpenAPI schema, with what it lacks told in the description, to those that don't.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from uni_api.canon import Losses
from uni_api.dialects.gemini._json_schema import Tidying
from uni_api.dialects.gemini._openapi import Lowering


class Written(Struct, frozen=True):
    """`schema` in OpenAPI form or, with `native`, in JSON Schema.

    `lost`: keywords that a description tells at best. `left_out`: names of the schema itself, which constrain nothing.
    """

    schema: dict[str, Any]
    native: bool
    lost: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    def enter(self, losses: Losses, path: str) -> None:
        """Enter what the schema at `path` lost."""
        for keyword in self.lost:
            losses.add(path, "tuning", f"{keyword}: told in words at best")
        for keyword in self.left_out:
            losses.add(path, "hint", f"{keyword}: constrains nothing, left out")


def write_schema(schema: Mapping[str, Any], *, json_schema: bool) -> Written:
    """`schema` in the form that says most, in JSON Schema only if the model takes it. `schema` itself is left alone."""
    try:
        return _write(schema, json_schema)
    except RecursionError:  # comparing two deep constants is all that still recurses without a bound
        return Written({}, False, ("depth",))


def _write(schema: Mapping[str, Any], json_schema: bool) -> Written:
    lowering = Lowering(schema)
    lowered = lowering.node(schema)
    lost = tuple(dict.fromkeys(lowering.lost))
    if not lost or not json_schema:
        return Written(lowered, False, lost, tuple(dict.fromkeys(lowering.left_out)))
    tidying = Tidying()
    tidied = tidying.node(lowering.rooted(schema))
    return Written(tidied if isinstance(tidied, dict) else {}, True, ("depth",) if tidying.cut else ())
