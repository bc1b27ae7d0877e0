"""The mechanism: components, variables, frames, symbolic tensors. Imports nothing above it."""
