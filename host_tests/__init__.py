"""Tests that run on the desk."""
