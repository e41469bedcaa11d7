"""An index of PEP 458's size: how long it takes to sign all of it anew, what an upload waits, what clients fetch."""
