"""Why goals are missed: written down by whoever profiled it, by the goal's key; shown only where one is missed."""

REASONS: dict[str, str] = {}
