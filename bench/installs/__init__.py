"""How long pip and uv take to install, plainly and verified, and how much the verifying client fetches."""
