"""Tests of Indexsite: real servers, real clients, real bytes."""
