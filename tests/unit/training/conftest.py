from tests.unit.tiny_networks import a_store, labelled, trained  # noqa: F401
