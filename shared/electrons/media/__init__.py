"""What is in media files: formats, durations, sizes, subtitles. Pure functions over bytes, without I/O."""
