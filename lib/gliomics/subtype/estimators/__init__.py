"""Estimators of the field beside the shipped model: one configuration for each, fitted and compared inside folds."""
