"""Shotstack."""
