"""xrmri: a synthetic knee MRI volume from one radiograph."""

__version__ = "0.1.0"
