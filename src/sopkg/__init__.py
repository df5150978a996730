"""sopkg finds what is missing in a city's governance: the coordination gaps of the SOP model."""

__version__ = "0.1.0"
