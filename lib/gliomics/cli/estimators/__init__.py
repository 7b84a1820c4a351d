"""Commands about the estimators that subtype models are compared with."""
