"""The work of improving networks: searches, validation, ensembles, diagnosis, `improve`."""
