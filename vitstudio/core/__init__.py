"""Values and mathematics of the program: numpy and the standard library, no Qt, no torch."""
