"""The brain in images of a head, by the networks of an installed package."""
