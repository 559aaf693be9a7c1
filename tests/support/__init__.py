"""Helpers that several test modules share. Nothing here is a test."""
