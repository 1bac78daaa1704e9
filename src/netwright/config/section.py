"""What all sections of the config are made of."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

Share = Annotated[float, Field(ge=0.0, lt=1.0)]
Chance = Annotated[float, Field(gt=0.0, lt=1.0)]
Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]


def _as_names(value: Any) -> Any:
    """One name, or a column's number, where a list of names is wanted."""
    if isinstance(value, str | int):
        return [str(value)]
    if isinstance(value, list):
        return [str(name) if isinstance(name, int) else name for name in value]
    return value


Names = Annotated[list[str], BeforeValidator(_as_names)]


class Section(BaseModel):
    """A part of the config. Unknown keys are refused; a section without keys is as good as none."""

    model_config = ConfigDict(extra="forbid", validate_assignment=True, use_attribute_docstrings=True)

    @model_validator(mode="before")
    @classmethod
    def _without_empty_sections(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        sections = {name for name, field in cls.model_fields.items() if is_section(field.annotation)}
        return {key: value for key, value in values.items() if value is not None or key not in sections}


def is_section(kind: Any) -> bool:
    """Whether the type of a key is a section."""
    return isinstance(kind, type) and issubclass(kind, Section)
