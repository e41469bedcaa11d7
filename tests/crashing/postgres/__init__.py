"""PostgreSQL with places to crash: before and after each commit."""
