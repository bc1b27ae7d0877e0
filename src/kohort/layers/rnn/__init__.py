"""Layers that walk along a sequence and carry a state."""
