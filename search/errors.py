"""What a search may be refused for; each says what to do."""


class SearchError(Exception):
    """The search has no results to give."""

    code = "search"


class SearchTooSlowError(SearchError):
    """It was stopped at its limit of time."""

    code = "search-too-slow"

    def __init__(self) -> None:
        super().__init__("That search took too long and was stopped; ask for fewer or longer words.")


class SearchBusyError(SearchError):
    """As many searches as may be at once are at work."""

    code = "search-busy"

    def __init__(self) -> None:
        super().__init__("Many others search at this moment; try again in a few seconds.")
