"""`/api/v1/`: projects, releases, files, members, journal and tokens in JSON, and every act on them."""
