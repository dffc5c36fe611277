"""The house: what keeps the code where a newcomer looks for it. These tests read the sources; they run none of them."""
