"""The documentation, held to what the code does: every example runs, every table is compared."""
