"""Values and mathematics of the program: numpy and the standard library, no I/O, no Qt, no torch."""
