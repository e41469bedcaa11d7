"""The audit: everything that is stored, against everything that is signed. It reads only, and trusts no row."""
