"""What Keyround costs, always as a ratio to something bare measured in the same run. Nothing here asserts a time."""
