"""What is in a file of sound: formats, durations, subtitles. Pure functions over bytes, without I/O."""
