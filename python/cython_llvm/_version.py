"""The package's version; equal to the workspace's in Cargo.toml (a test compares them)."""

__version__ = "0.1.0"
