"""The operators: what each one says, and how comparisons with it are lowered, for every type of fields.

A new operator is a member of `ast.Operator` and a row here, and a word in `expression.WORDS` if `filter=` has one.
The documentation, error texts, OpenAPI documents and `lower` read this table. It cannot be left unfinished: mypy fails
if a row says nothing of a type, and without a row for each operator this module cannot be imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from querylang.ast import Operator
from querylang.lowering import columns
from querylang.lowering import json_values as json
from querylang.lowering.covering import covering
from querylang.lowering.predicates import Predicate
from querylang.lowering.resolved import Lowering
from querylang.schema import FieldType


@dataclass(frozen=True, kw_only=True)
class OperatorSpec:
    """One operator. `meaning` is for the documentation.

    `integer` to `json` are what it means for fields of each type; None: they do not take it. `takes_list`: several
    values can follow it.
    """

    meaning: str
    integer: Lowering | None
    string: Lowering | None
    uuid: Lowering | None
    boolean: Lowering | None
    datetime: Lowering | None
    json: Lowering
    takes_list: bool = False

    @property
    def lowerings(self) -> Mapping[FieldType, Lowering | None]:
        return covering(
            FieldType,
            {
                FieldType.INTEGER: self.integer,
                FieldType.STRING: self.string,
                FieldType.UUID: self.uuid,
                FieldType.BOOLEAN: self.boolean,
                FieldType.DATETIME: self.datetime,
                FieldType.JSON: self.json,
            },
        )


OPERATORS: Mapping[Operator, OperatorSpec] = covering(
    Operator,
    {
        Operator.EQUAL: OperatorSpec(
            meaning="is equal to; for a time: lies in the day, hour, minute or second that is written",
            integer=columns.integers(Predicate.EQUAL),
            string=columns.texts(Predicate.EQUAL),
            uuid=columns.uuids(Predicate.IN),
            boolean=columns.booleans(Predicate.EQUAL),
            datetime=columns.intervals(Predicate.IN_INTERVALS),
            json=json.equal,
        ),
        Operator.UNEQUAL: OperatorSpec(
            meaning="is not equal to",
            integer=columns.integers(Predicate.UNEQUAL),
            string=columns.texts(Predicate.UNEQUAL),
            uuid=columns.uuids(Predicate.NOT_IN),
            boolean=columns.booleans(Predicate.UNEQUAL),
            datetime=columns.intervals(Predicate.NOT_IN_INTERVALS),
            json=json.unequal,
        ),
        Operator.GREATER: OperatorSpec(
            meaning="is greater than, follows in the alphabet, is later than",
            integer=columns.integers(Predicate.GREATER),
            string=columns.alphabetical(Predicate.CASEFOLDED_GREATER),
            uuid=columns.uuids_as_text(Predicate.UUID_GREATER),
            boolean=None,
            datetime=columns.ends_of_intervals(Predicate.GREATER_OR_EQUAL),
            json=json.ordered(Predicate.GREATER, Predicate.CASEFOLDED_GREATER),
        ),
        Operator.LESS: OperatorSpec(
            meaning="is less than, precedes in the alphabet, is earlier than",
            integer=columns.integers(Predicate.LESS),
            string=columns.alphabetical(Predicate.CASEFOLDED_LESS),
            uuid=columns.uuids_as_text(Predicate.UUID_LESS),
            boolean=None,
            datetime=columns.starts_of_intervals(Predicate.LESS),
            json=json.ordered(Predicate.LESS, Predicate.CASEFOLDED_LESS),
        ),
        Operator.GREATER_OR_EQUAL: OperatorSpec(
            meaning="is greater than or equal to",
            integer=columns.integers(Predicate.GREATER_OR_EQUAL),
            string=columns.alphabetical(Predicate.CASEFOLDED_GREATER_OR_EQUAL),
            uuid=columns.uuids_as_text(Predicate.UUID_GREATER_OR_EQUAL),
            boolean=None,
            datetime=columns.starts_of_intervals(Predicate.GREATER_OR_EQUAL),
            json=json.ordered(Predicate.GREATER_OR_EQUAL, Predicate.CASEFOLDED_GREATER_OR_EQUAL),
        ),
        Operator.LESS_OR_EQUAL: OperatorSpec(
            meaning="is less than or equal to",
            integer=columns.integers(Predicate.LESS_OR_EQUAL),
            string=columns.alphabetical(Predicate.CASEFOLDED_LESS_OR_EQUAL),
            uuid=columns.uuids_as_text(Predicate.UUID_LESS_OR_EQUAL),
            boolean=None,
            datetime=columns.ends_of_intervals(Predicate.LESS),
            json=json.ordered(Predicate.LESS_OR_EQUAL, Predicate.CASEFOLDED_LESS_OR_EQUAL),
        ),
        Operator.LIKE: OperatorSpec(
            meaning="matches the pattern, in which % is any sequence and _ at most one character",
            integer=None,
            string=columns.like,
            uuid=columns.uuid_like,
            boolean=None,
            datetime=None,
            json=json.like,
        ),
        Operator.ILIKE: OperatorSpec(
            meaning="matches the pattern, upper and lower case being the same",
            integer=None,
            string=columns.ilike,
            uuid=columns.uuid_like,
            boolean=None,
            datetime=None,
            json=json.ilike,
        ),
        Operator.IN: OperatorSpec(
            meaning="is equal to one of a comma-separated list",
            integer=columns.integers(Predicate.IN),
            string=columns.texts(Predicate.IN),
            uuid=columns.uuids(Predicate.IN),
            boolean=None,
            datetime=columns.intervals(Predicate.IN_INTERVALS),
            json=json.one_of,
            takes_list=True,
        ),
        Operator.NOT_IN: OperatorSpec(
            meaning="is equal to none of a comma-separated list",
            integer=columns.integers(Predicate.NOT_IN),
            string=columns.texts(Predicate.NOT_IN),
            uuid=columns.uuids(Predicate.NOT_IN),
            boolean=None,
            datetime=columns.intervals(Predicate.NOT_IN_INTERVALS),
            json=json.none_of,
            takes_list=True,
        ),
        Operator.HAS: OperatorSpec(
            meaning="the object has this key, the list this text, or it is this text",
            integer=None,
            string=None,
            uuid=None,
            boolean=None,
            datetime=None,
            json=json.has,
        ),
        Operator.CONTAINS: OperatorSpec(
            meaning="the text contains this text, or the list this value",
            integer=None,
            string=columns.contains,
            uuid=None,
            boolean=None,
            datetime=None,
            json=json.contains,
        ),
        Operator.STARTS_WITH: OperatorSpec(
            meaning="the text starts with this text",
            integer=None,
            string=columns.starts_with,
            uuid=columns.uuid_starts_with,
            boolean=None,
            datetime=None,
            json=json.starts_with,
        ),
        Operator.IS_NULL: OperatorSpec(
            meaning="true: there is no value; false: there is one",
            integer=columns.is_null,
            string=columns.is_null,
            uuid=columns.is_null,
            boolean=columns.is_null,
            datetime=columns.is_null,
            json=json.is_null,
        ),
    },
)

LOWERINGS: Mapping[FieldType, Mapping[Operator, Lowering]] = covering(
    FieldType,
    {
        type_: {
            operator: lowering
            for operator, spec in OPERATORS.items()
            if (lowering := spec.lowerings[type_]) is not None
        }
        for type_ in FieldType
    },
)
"""The operators that a field of each type takes, in the order of `Operator`, and what they mean for it.

What lies in a JSON field takes those of the type of the value.
"""
