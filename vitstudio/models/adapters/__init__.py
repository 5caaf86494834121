"""One adapter a family maps a foreign net to the contract of a trace."""
