"""`indexsite verify`: mirrors, files and installed environments compared with what the index's roles vouch for."""
