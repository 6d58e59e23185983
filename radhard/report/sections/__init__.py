"""Which sections does the report of a run consist of? Each is plain data, for all formats."""
