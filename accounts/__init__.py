"""Who is asking: users and API tokens."""
