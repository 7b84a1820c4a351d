"""How good subtype models are on patients that they did not see."""
