"""`python -m indexsite_client` is the command `indexsite`."""

from indexsite_client.cli import main

if __name__ == "__main__":
    main()
