"""What does a report say, part by part? Each part is plain data, for every way to write it."""
