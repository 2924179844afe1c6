"""Who may approve: people, their keys, the roles they may sign for, and what may be excepted."""

from __future__ import annotations

from dataclasses import dataclass

RULES = ("distinct-person", "distinct-key", "operator", "author", "evidence-age")


@dataclass(frozen=True, slots=True)
class PersonKey:
    """An SSH key of one person. `public` is its type and base64 without a comment; times are UTC, `YYYY-MM-DDTHH:MM:SSZ`, both included.

    `second_factor` demands a hardware key whose signature shows that it was touched and that its PIN was given.
    """

    public: str
    valid_from: str
    valid_until: str
    second_factor: bool


@dataclass(frozen=True, slots=True)
class Person:
    """One human being. `aliases` are other names that a run's operator or a commit's author may have; `may_except` names of `RULES`."""

    id: str
    name: str
    roles: tuple[str, ...]
    aliases: tuple[str, ...]
    may_except: tuple[str, ...]
    key: tuple[PersonKey, ...]


@dataclass(frozen=True, slots=True)
class Approvers:
    """The trust policy about people: which roles must sign, and how old evidence may be when they do."""

    schema_version: int
    required_roles: tuple[str, ...]
    evidence_max_age_hours: int
    person: tuple[Person, ...]
