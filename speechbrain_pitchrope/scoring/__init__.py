"""Scoring: from the error files of test runs to numbers one may compare."""
