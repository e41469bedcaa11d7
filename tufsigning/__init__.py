"""What clients may trust: roles, keys and publication."""
