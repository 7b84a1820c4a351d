"""Survival of a cohort: Kaplan-Meier, Cox models, and what features add to what is known without them."""
