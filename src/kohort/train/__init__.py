"""Pure training: structure, state, programs, and the loop on the host."""
