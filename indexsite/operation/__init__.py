"""Running an index: what it tells machines that watch, what it logs, how it is backed up and restored."""
