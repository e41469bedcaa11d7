"""What uploads count for machines that watch. Labels are codes of ours, never anything that a client sent."""

from prometheus_client import Counter

UPLOADS = Counter("indexsite_uploads", "Uploads by what became of them: received, or the refusal's code.", ["outcome"])
