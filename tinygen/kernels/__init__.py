"""The few primitives where the speed lives."""
