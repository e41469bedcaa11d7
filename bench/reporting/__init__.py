"""One document of results; and from it alone the table in the terminal, docs/performance.md and its charts."""
