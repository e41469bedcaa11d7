"""The published repository as a tree of plain files that any web server can serve."""
