"""What several sources say of a shot as one set of variables: measured outranks guessed, and disagreement is kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from anicaption.record import Opinion, Source, Variable, variable_of
from anicaption.taxonomy import taxonomy

# From the best founded to the least: a person, a script, a measurement, a classifier, a language model.
STANDING: tuple[Source, ...] = ("expert", "drawn", "measured", "learned", "vlm", "none")


def fuse(sources: Iterable[Mapping[str, Variable]]) -> dict[str, Variable]:
    """One variable a field: the known one of the best standing, with the others' different values as `disputed`.

    Where none knows, the abstention of the best standing stays: it says why.
    """
    said: dict[str, list[Variable]] = {}
    for variables in sources:
        for field_id, variable in variables.items():
            said.setdefault(field_id, []).append(variable)
    return {field_id: _best(variables) for field_id, variables in said.items()}


def stated(values: Mapping[str, str]) -> dict[str, Variable]:
    """What a source list or a person states of a whole work, such as {"content.rating": "general"}: certain.

    Raises TaxonomyError for what the taxonomy does not have; `unknown` stays unknown.
    """
    checked = {name: taxonomy()[name].check((value,)) for name, value in values.items()}
    return {name: variable_of(name, said, "expert", {said[0]: 1.0}, (), ()) for name, said in checked.items()}


def _best(variables: list[Variable]) -> Variable:
    ranked = sorted(variables, key=lambda variable: STANDING.index(variable.source))
    known = [variable for variable in ranked if variable.known]
    if not known:
        return ranked[0]
    best, *others = known
    disputed = tuple(
        Opinion(source=other.source, values=other.values, probability=other.probability)
        for other in others
        if set(other.values) != set(best.values)
    )
    return best.model_copy(update={"disputed": (*best.disputed, *disputed)}) if disputed else best
