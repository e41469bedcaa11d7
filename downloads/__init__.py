"""How often files are downloaded: counted in the memory of web processes, kept by file and day."""
