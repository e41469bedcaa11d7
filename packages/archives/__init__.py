"""Reading uploaded archives: strict about framing, names, contents and bounds. Pure, no Django."""

from packages.archives.reading import Archive, read_archive

__all__ = ["Archive", "read_archive"]
