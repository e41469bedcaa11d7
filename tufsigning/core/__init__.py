"""TUF rules over values: no Django, no clock, no input or output."""
