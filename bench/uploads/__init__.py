"""How quickly distributions are taken, and how soon they are listed."""
