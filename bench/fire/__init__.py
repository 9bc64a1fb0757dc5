"""The parts of bench/torture.py: a town to burn, its people, what burns, and who counts after."""
