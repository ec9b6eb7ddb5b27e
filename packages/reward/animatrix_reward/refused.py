"""What a person can mend: input that cannot be used. Commands tell it in one line; any other error is ours."""


class Refused(ValueError):
    """Input that cannot be used; the message names value, place and remedy."""
