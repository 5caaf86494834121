"""VitStudio: see how vision transformers work."""

__version__ = "0.1.0"
