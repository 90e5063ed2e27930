"""Ids are unique: which entry stands where several claim one, and what is said where none may."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from boardpack.yamlfile import Place, Strict

Entry = TypeVar("Entry", bound=Strict)


@dataclass(frozen=True)
class Claim(Generic[Entry]):
    """An entry that claims an id, in the suite's files or the workspace's ``own``."""

    id: str
    replaces: str | None
    own: bool
    entry: Entry
    place: Place


def standing(claims: Mapping[str, Sequence[Claim[Entry]]], what: str) -> dict[str, Claim[Entry]]:
    """The entry that stands for each id: the last that ``replaces:`` it, or the only one.

    Which file is read first changes nothing. Raises `DefinitionError` where two claim an id and
    none replaces the other, or where one replaces what is not there.
    """
    return {name: _standing(several, what) for name, several in claims.items()}


def _standing(claims: Sequence[Claim[Entry]], what: str) -> Claim[Entry]:
    name = claims[0].id
    replacing = [claim for claim in claims if claim.replaces == name]
    others = [claim for claim in claims if claim.replaces != name]
    if len(others) > 1:
        newer = _newer(others)
        other = next(claim.place for claim in others if claim is not newer)
        raise newer.place.error(
            f"{what} {name!r} is already defined in {other.document.path}:{other.line()}.",
            hint=f"give it another id, or write `replaces: {name}` if this is to stand in its"
            " place",
        )
    for claim in claims:
        if claim.replaces is not None and (claim.replaces != name or not others):
            raise claim.place.error(
                f"{what} {name!r} replaces nothing.",
                "replaces",
                hint=f"no other entry has the id {name}, which stays as it is without replaces:"
                if claim.replaces == name
                else f"replaces: takes the entry's own id: {name}",
            )
    return replacing[-1] if replacing else others[0]


def _newer(claims: Sequence[Claim[Entry]]) -> Claim[Entry]:
    """The claim to point at: a workspace's own; of one folder that of the file with least in it,
    since who tries something out begins a file.
    """

    def age(number: int) -> tuple[bool, int, int]:
        return claims[number].own, -len(claims[number].place.document.data), number

    return claims[max(range(len(claims)), key=age)]
