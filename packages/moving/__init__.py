"""Moving in: a folder of distributions, as another index keeps or exports them, becomes part of this index."""
