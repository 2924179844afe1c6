"""Errors a user can cause or must act on. Each says what happened, what was expected, what to do next."""


class GateError(Exception):
    """A failure that ends a command with one sentence and an exit status; never a traceback.

    Args:
        happened: what went wrong, naming the file, key or address.
        expected: what should have been there.
        next_step: what the reader can do about it.
    """

    exit_status = 1

    def __init__(self, happened: str, expected: str = "", next_step: str = "") -> None:
        self.happened, self.expected, self.next_step = happened, expected, next_step
        super().__init__(self.sentence)

    @property
    def sentence(self) -> str:
        """The three parts as one line of text."""
        parts = [self.happened.rstrip(".")]
        if self.expected:
            parts.append(f"expected {self.expected.rstrip('.')}")
        text = "; ".join(parts)
        return f"{text}. {self.next_step.rstrip('.')}." if self.next_step else f"{text}."


class ConfigurationError(GateError):
    """An option, variable, profile or policy that cannot be used (exit status 2)."""

    exit_status = 2


class EvidenceError(GateError):
    """Evidence could not be written or read; without evidence there is no verdict (exit status 1)."""


class Refused(EvidenceError):  # noqa: N818 - a rule's answer, not a fault
    """A rule says no, such as an approval of a run that is no GO (exit status 10)."""

    exit_status = 10


class Interrupted(GateError):  # noqa: N818 - it is the user's wish, not an error
    """The run was stopped by a signal (exit status 130)."""

    exit_status = 130
